namespace Connectors.Gateway.Tests;

/// <summary>Answers that go on for as long as somebody reads them: a proxy before the gateway must not keep them back until there is more.</summary>
public sealed class StreamedAnswerTests
{
    [Theory]
    [InlineData("overview/events", "data: ")]
    [InlineData("logs?name=told&follow=true", "\r\n\r\n")]
    public async Task They_say_to_proxies_that_each_part_is_news(string path, string begun)
    {
        await using var provider = await TestGateway.StartAsync();
        await using var front = await TestGateway.StartAsync(null, ("functions_provider_url", provider.Api.AbsoluteUri), ("basic_auth", "true"));
        await provider.DeployAsync("told", "cat");

        foreach (var gateway in new[] { provider, front })
        {
            using var raw = await RawHttp.ConnectAsync(gateway.Api);
            await raw.SendAsync($"GET /system/{path} HTTP/1.1\r\nHost: x\r\nAuthorization: {TestGateway.Admin}\r\n\r\n");
            var head = (await raw.ReadUntilAsync(begun)).Split("\r\n\r\n")[0];

            Assert.StartsWith("HTTP/1.1 200", head, StringComparison.Ordinal);
            Assert.Contains("X-Accel-Buffering: no", head, StringComparison.Ordinal);
            Assert.Contains("Cache-Control: no-store", head, StringComparison.Ordinal);
        }
    }
}
