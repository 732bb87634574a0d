using System.Globalization;
using System.Text;
using Connectors.Gateway.Tests;
using Connectors.Testing;

namespace Connectors.Cli.Tests;

/// <summary>cancel and result, with a real queue-worker that runs the calls. Not beside redrives: a gateway that is killed here would take over some, and end with them.</summary>
[Collection("redrives")]
public sealed class CallTests(Scene scene, CallTests.Working working) : IClassFixture<CallTests.Working>
{
    [Fact]
    public async Task A_result_comes_byte_for_byte_to_standard_output_or_a_file()
    {
        byte[] body = [.. Enumerable.Range(0, 256).Select(b => (byte)b), (byte)'\n'];
        var id = await CallAsync("echo", body);

        var piped = (await scene.RunAsync("result", id, "--wait")).Succeeds();
        var file = scene.Operator.PathOf("result");
        var written = (await scene.RunAsync("result", id, "--output", file)).Succeeds();

        Assert.Equal(body, piped.Bytes);
        Assert.Matches(@"^succeeded: echo\.openfaas-fn answered 200 after [0-9.]+ seconds; 257 bytes\.\n$", piped.Error);
        Assert.Empty(written.Out);
        Assert.Equal(body, await File.ReadAllBytesAsync(file));
    }

    [Fact]
    public async Task As_JSON_a_result_has_the_functions_headers_too()
    {
        var id = await CallAsync("echo", Encoding.UTF8.GetBytes("hi"));

        var json = (await scene.RunAsync("result", id, "--wait", "--json")).Json;

        Assert.Equal((id, "succeeded", "echo.openfaas-fn", 200), ((string)json["callId"]!, (string)json["state"]!, (string)json["function"]!, (int)json["status"]!));
        Assert.Equal("hi", Encoding.UTF8.GetString(Convert.FromBase64String((string)json["bodyBase64"]!)));
        Assert.NotEmpty(json["headers"]!["Content-Type"]!.AsArray());
    }

    [Fact]
    public async Task A_running_call_is_cancelled_and_its_result_says_so()
    {
        var id = await CallAsync("slow", []);
        await working.Slow.ReceivesAsync(1, request => request.CallId == id);

        (await scene.RunAsync("result", id)).Fails(1, "has not ended yet", "--wait");
        var cancelled = (await scene.RunAsync("cancel", id)).Succeeds();
        var result = (await scene.RunAsync("result", id, "--wait")).Succeeds();

        Assert.Equal($"Call {id}: its cancellation is on its way to the workers.\n", cancelled.Out);
        Assert.StartsWith("cancelled: slow.openfaas-fn answered 499", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_waits_for_a_call_that_is_purged_is_told_so()
    {
        await scene.Gateway.DeployAsync("unserved", "cat", annotations: new Dictionary<string, string> { ["com.openfaas.queue"] = "unserved" });
        var id = await CallAsync("unserved", []);
        await using var waiting = scene.Operator.Start("result", id, "--wait");

        (await scene.RunAsync("purge", "unserved", "--yes")).Succeeds();
        var json = (await scene.RunAsync("result", id, "--json")).Json;

        var result = (await waiting.EndAsync()).Succeeds();
        Assert.Empty(result.Out);
        Assert.StartsWith("purged: what waited for unserved.openfaas-fn was removed from the queue", result.Error, StringComparison.Ordinal);
        Assert.Equal(("purged", 410), ((string)json["state"]!, (int)json["status"]!));
    }

    [Fact]
    public async Task It_waits_for_a_result_while_the_gateway_starts_again()
    {
        await using var gateway = await TestGateway.StartAsync(scene.Nats);
        var id = await CallAsync("slow", []);
        await working.Slow.ReceivesAsync(1, request => request.CallId == id);
        await using var result = scene.Operator.Start(
            "result", id, "--wait", "-g", gateway.Api.AbsoluteUri, "--password-file", scene.Operator.Write("password-of-result", TestGateway.Password));

        await gateway.Process.KillAsync();
        await result.TellsAsync("Waiting for the gateway: ");
        await gateway.Process.StartAgainAsync();
        (await scene.RunAsync("cancel", id)).Succeeds();

        Assert.Contains("cancelled: slow.openfaas-fn answered 499", (await result.EndAsync()).Succeeds().Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refusal_that_breaks_off_is_told_in_a_line()
    {
        await using var gateway = RawServer.Start(_ => new RawAnswer("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 10\r\n\r\nabc", After.Close));

        (await scene.RunAsync("result", "any", "-g", gateway.Url.AbsoluteUri)).Fails(1, "broke off");
    }

    [Fact]
    public async Task A_refusal_in_characters_that_nobody_knows_is_told_in_a_line()
    {
        await using var gateway = RawServer.Start(
            _ => new RawAnswer("HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/html; charset=none-such\r\nContent-Length: 11\r\n\r\n<p>Oops</p>"));

        (await scene.RunAsync("result", "any", "-g", gateway.Url.AbsoluteUri)).Fails(1, "refuses (500): <p>Oops</p>");
    }

    [Fact]
    public async Task Several_calls_are_cancelled_at_once()
    {
        var ids = new[] { await CallAsync("slow", []), await CallAsync("slow", []) };
        await working.Slow.ReceivesAsync(2, request => ids.Contains(request.CallId));

        Assert.Empty((await scene.RunAsync(["cancel", "--json", .. ids])).Succeeds().Out);

        foreach (var id in ids)
        {
            Assert.Equal("cancelled", (string)(await scene.RunAsync("result", id, "--wait", "--json")).Json["state"]!);
        }
    }

    [Fact]
    public async Task An_unknown_call_has_no_result()
    {
        (await scene.RunAsync("result", "unknown")).Fails(1, "No result of such a call is kept.");
        (await scene.RunAsync("result", "unknown", "--json", "--wait")).Fails(1, "No result of such a call is kept.");
    }

    // Accepted, with its result to be kept.
    private async Task<string> CallAsync(string function, byte[] body)
    {
        using var accepted = await scene.Gateway.SendAsync(HttpMethod.Post, "/async-function/" + function, body, ("X-Store-Result", "1h"));
        return accepted.Headers.GetValues("X-Call-Id").Single();
    }

    /// <summary>A queue-worker, a function that echoes and one that never answers.</summary>
    public sealed class Working(Scene scene) : IAsyncLifetime
    {
        private ServiceProcess _worker = null!;

        public HttpLedger Slow { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            Slow = await HttpLedger.StartAsync((_, http) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted));
            await scene.Gateway.DeployAsync("echo", "cat");
            await scene.Gateway.DeployAsync("slow", Slow.Url);
            _worker = await ServiceProcess.StartAsync("QueueWorker", new Dictionary<string, string>
            {
                ["nats_host"] = "127.0.0.1",
                ["nats_port"] = scene.Nats.Port.ToString(CultureInfo.InvariantCulture),
                ["gateway_url"] = scene.Gateway.Api.AbsoluteUri,
                ["upstream_timeout"] = "5m",
            });
        }

        public async ValueTask DisposeAsync()
        {
            await _worker.DisposeAsync();
            await Slow.DisposeAsync();
        }
    }
}
