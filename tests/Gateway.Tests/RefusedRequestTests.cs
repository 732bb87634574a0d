using Connectors.Gateway.Tests.Queues;
using Connectors.Testing;
using Microsoft.OpenApi;

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
        { "GET /function/\u00c3\u00bc HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
        { "GET /function/x?q=\u00c3\u00bc HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
        { $"GET /{new string('x', 300_000)} HTTP/1.1\r\nHost: x\r\n\r\n", 414 },
        { $"GET /function/x HTTP/1.1\r\nHost: x\r\nX-Long: {new string('x', 1_100_000)}\r\n\r\n", 431 },
        { $"GET /function/x HTTP/1.1\r\nHost: x\r\n{string.Concat(Enumerable.Repeat("a:\r\n", 1_100))}\r\n", 431 },
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
            line => line.Contains("Refused unread", StringComparison.Ordinal) && line.Contains($":{((System.Net.IPEndPoint)raw.Stream.Socket.LocalEndPoint!).Port}\"", StringComparison.Ordinal) && line.Contains($"\"status\":{status},\"error\":\"", StringComparison.Ordinal),
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

    [Theory]
    [InlineData("embedded")]
    [InlineData("remote")]
    public async Task A_body_that_does_not_come_is_408_on_every_route_that_takes_one(string which)
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = which == "embedded"
            ? await TestGateway.StartAsync(nats, ("read_timeout", "1s"))
            : await TestGateway.StartAsync(nats, ("read_timeout", "1s"), ("functions_provider_url", fixture.Embedded.Api.AbsoluteUri), ("basic_auth", "true"));
        await using var stored = new StoredCalls(nats);
        var seed = await new DeadLetterSeed(stored.JetStream, "late").CreateAsync();
        var letter = await seed.DeadAsync(DeadLetterSeed.Call());
        await gateway.SystemAsync(HttpMethod.Post, "namespace", new { name = "late" }, System.Net.HttpStatusCode.Created);
        var (document, _) = OpenApiDocument.Parse(await gateway.Http.GetStringAsync(new Uri(gateway.Api, "/openapi.json")), "json");
        var routes = (
            from path in document!.Paths
            where path.Key.StartsWith("/system/", StringComparison.Ordinal) || path.Key.StartsWith("/ui/", StringComparison.Ordinal)
            from operation in path.Value.Operations!
            where operation.Value.RequestBody is not null && (operation.Key, path.Key) != (HttpMethod.Delete, "/system/namespace/{name}") // needs none
            select $"{operation.Key.Method} {path.Key.Replace("{queue}", "late", StringComparison.Ordinal).Replace("{seq}", $"{letter}", StringComparison.Ordinal).Replace("{name}", "late", StringComparison.Ordinal).Replace("{function}", "echo", StringComparison.Ordinal)}").ToList();

        var answers = await Task.WhenAll(routes.Select(async route =>
        {
            using var raw = await RawHttp.ConnectAsync(gateway.Api);
            await raw.SendAsync($"{route} HTTP/1.1\r\nHost: x\r\nAuthorization: {TestGateway.Admin}\r\nX-Connectors-Page: 1\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n");
            return $"{route}: {(await raw.ReadUntilAsync("\r\n\r\n").WaitAsync(Eventually.Patience)).Split("\r\n")[0]}";
        }));

        Assert.Contains("POST /ui/session", routes);
        Assert.Equal(routes.Select(route => $"{route}: HTTP/1.1 408 Request Timeout"), answers);
    }

    // Also where it is passed on: it is no fault of the server's behind.
    [Theory]
    [InlineData("embedded")]
    [InlineData("remote")]
    public async Task A_malformed_body_of_a_call_is_400_and_counts_as_such(string which)
    {
        await using var service = RawServer.Start(_ => RawAnswer.Ok);
        await _gateway.DeployAsync($"malformed-{which}", service.Url);
        var process = fixture.Through(which).Process;
        using var raw = await RawHttp.ConnectAsync(fixture.Through(which).Api);
        await raw.SendAsync($"POST /function/malformed-{which} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");

        Assert.StartsWith("HTTP/1.1 400 ", await raw.ReadUntilAsync("\r\n\r\n"), StringComparison.Ordinal);
        await Eventually.HoldsAsync(async () => await CountAsync($"malformed-{which}.openfaas-fn", 400) + await CountAsync("unknown", 400) > 0, "it is counted");
        Assert.Equal(0, await CountAsync($"malformed-{which}.openfaas-fn", 200));

        async Task<double> CountAsync(string function, int code) =>
            await process.MetricAsync($"gateway_function_invocation_total{{function_name=\"{function}\",code=\"{code}\"}}") ?? 0;
    }

    [Fact]
    public async Task A_body_that_comes_bit_by_bit_is_408_all_the_same()
    {
        await using var gateway = await TestGateway.StartAsync(null, ("read_timeout", "1s"));
        using var raw = await RawHttp.ConnectAsync(gateway.Api);
        await raw.SendAsync("POST /ui/session HTTP/1.1\r\nHost: x\r\nX-Connectors-Page: 1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
        var answer = raw.ReadToEndAsync();
        try
        {
            while (!answer.IsCompleted)
            {
                await raw.SendAsync("1\r\n \r\n");
                await Task.WhenAny(answer, Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System));
            }
        }
        catch (IOException)
        {
            // Closed by the gateway.
        }

        Assert.StartsWith("HTTP/1.1 408 ", await answer, StringComparison.Ordinal);
        Assert.Contains("The body did not come in time.", await answer, StringComparison.Ordinal);
    }
}
