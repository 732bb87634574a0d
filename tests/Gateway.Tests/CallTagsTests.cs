using System.Net;
using Connectors.Testing;

namespace Connectors.Gateway.Tests;

public sealed class CallTagsTests
{
    [Fact]
    public async Task Tags_are_stored_with_the_call_and_bad_ones_are_400_and_named()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats);
        await gateway.DeployAsync("f", "cat");

        using var plain = await gateway.PostAsync("/async-function/f", "");
        using var tagged = await gateway.PostAsync("/async-function/f", "", ("X-Call-Tags", " order:1, eu,,eu "), ("X-Call-Tags", "a/b=c@d+e-f_g."));
        using var empty = await gateway.PostAsync("/async-function/f", "", ("X-Call-Tags", " , "));

        Assert.All([plain, tagged, empty], answer => Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode));
        await using var stored = new StoredCalls(nats);
        var tags = new List<string>();
        for (var seq = 1ul; seq <= 3; seq++)
        {
            tags.Add(string.Join(' ', (await stored.GetAsync(seq)).Envelope.Tags ?? []));
        }

        Assert.Equal(["", "order:1 eu a/b=c@d+e-f_g.", ""], tags);

        foreach (var bad in new[] { "a b", "a;b", new string('x', 65), "a,\"b\"", string.Join(',', Enumerable.Range(0, 9)) })
        {
            using var answer = await gateway.PostAsync("/async-function/f", "", ("X-Call-Tags", bad));
            Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
            Assert.StartsWith("X-Call-Tags: ", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
    }
}
