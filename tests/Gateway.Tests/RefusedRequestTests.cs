using Connectors.Testing;

namespace Connectors.Gateway.Tests;

/// <summary>What the HTTP server refuses before there is a call or while one is read, and what of a request may not stand in an answer.</summary>
public sealed class RefusedRequestTests(ProviderFixture fixture) : IClassFixture<ProviderFixture>
{
    private readonly TestGateway _gateway = fixture.Embedded;

    public static TheoryData<string, int> Refused => new()
    {
        { "GET / HTTP/9.9\r\n\r\n", 505 },
        { "no request at all\r\n\r\n", 400 },
        { "GET /function/x HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400 },
        { $"GET /{new string('x', 300_000)} HTTP/1.1\r\nHost: x\r\n\r\n", 414 },
        { $"GET /function/x HTTP/1.1\r\nHost: x\r\nX-Long: {new string('x', 1_100_000)}\r\n\r\n", 431 },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task What_the_server_itself_refuses_has_a_line_in_the_log(string request, int status)
    {
        using var raw = await RawHttp.ConnectAsync(_gateway.Api);
        try
        {
            await raw.SendAsync(request);
        }
        catch (IOException)
        {
            // Refused before it was whole.
        }

        var answer = await raw.ReadUntilAsync("\r\n\r\n");

        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        await _gateway.Process.Process.LineAsync(
            line => line.Contains("Refused unread", StringComparison.Ordinal) && line.Contains($":{((System.Net.IPEndPoint)raw.Stream.Socket.LocalEndPoint!).Port}\"", StringComparison.Ordinal) && line.Contains($"\"status\":{status}", StringComparison.Ordinal),
            "it is told");
    }

    [Fact]
    public async Task A_call_that_is_refused_while_it_is_read_keeps_its_id()
    {
        await _gateway.DeployAsync("broken", "cat");
        using var raw = await RawHttp.ConnectAsync(_gateway.Api);
        await raw.SendAsync("POST /function/broken HTTP/1.1\r\nHost: x\r\nX-Call-Id: mine\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");

        Assert.Contains("X-Call-Id: mine\r\n", await raw.ReadUntilAsync("\r\n\r\n"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("forked")]
    [InlineData("service")]
    public async Task A_content_type_that_no_answer_may_hold_is_mended_on_its_way_back(string kind)
    {
        await using var service = RawServer.Start(_ => RawAnswer.Ok);
        await (kind == "forked" ? _gateway.DeployAsync("typed-forked", "cat") : _gateway.DeployAsync("typed-service", service.Url));

        var answer = await RawHttp.AskAsync(_gateway.Api, $"POST /function/typed-{kind} HTTP/1.1\nHost: x\nContent-Type: text/a\u0001b\n", "ok");

        Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
        Assert.Contains("Content-Type: text/a b\r\n", answer, StringComparison.Ordinal);
    }
}
