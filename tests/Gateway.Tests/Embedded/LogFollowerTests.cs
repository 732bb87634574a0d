using System.Net;

namespace Connectors.Gateway.Tests.Embedded;

/// <summary>Those who read a function's log, and who else is served meanwhile.</summary>
public sealed class LogFollowerTests(ProviderFixture fixture) : IClassFixture<ProviderFixture>
{
    private const int Followers = 100;

    private readonly TestGateway _gateway = fixture.Embedded;

    [Fact]
    public async Task However_many_read_a_full_log_its_function_and_the_gateway_answer()
    {
        await _gateway.DeployAsync("talks", "sh -c 'head -c $(cat) /dev/zero | tr \"\\0\" x | fold -w 100 >&2; echo >&2; echo done'", environment: new { combine_output = "false" });
        await SayAsync(2_500_000);

        var followers = await Task.WhenAll(Enumerable.Range(0, Followers).Select(_ => FollowAsync()));
        using var health = await _gateway.SendAsync(HttpMethod.Get, "/healthz");
        Assert.Equal(HttpStatusCode.OK, health.StatusCode);
        await SayAsync(77);

        // Who reads on has what was kept, and then what was said meanwhile.
        using var lines = new StreamReader(await followers[0].Content.ReadAsStreamAsync());
        Assert.Contains(new string('x', 100), await lines.ReadLineAsync(), StringComparison.Ordinal);
        while (!(await lines.ReadLineAsync())!.Contains($"\"{new string('x', 77)}\"", StringComparison.Ordinal))
        {
        }

        foreach (var follower in followers)
        {
            follower.Dispose();
        }
    }

    private async Task SayAsync(int bytes)
    {
        using var answer = await _gateway.PostAsync("/function/talks", $"{bytes}");
        Assert.Equal("done\n", await answer.Content.ReadAsStringAsync());
    }

    private async Task<HttpResponseMessage> FollowAsync()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(_gateway.Api, "/system/logs?name=talks&follow=true"));
        request.Headers.TryAddWithoutValidation("Authorization", TestGateway.Admin);
        var answer = await _gateway.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return answer;
    }
}
