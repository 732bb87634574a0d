using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using Connectors.Gateway.Tests.Scaling.Keda;
using Connectors.Testing;
using Grpc.Net.Client;

namespace Connectors.Gateway.Tests;

/// <summary>How a gateway stops under load: ready goes first, then the listener, and no call is lost on the way.</summary>
public sealed class DrainDelayTests
{
    private const int Callers = 4;
    private const string Over = "No new connections any more";

    // However slow the machine is, the delay is not over before the test is.
    [Fact]
    public async Task A_stopping_gateway_says_that_it_goes_and_takes_calls_over_new_connections_all_the_same()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats, ("drain_delay", "1h"));
        await gateway.DeployAsync("echo", "cat");

        var ended = gateway.Process.TerminateAsync();
        await Eventually.HoldsAsync(async () => await ReadinessAsync(gateway) == HttpStatusCode.ServiceUnavailable, "it says that it goes");
        using var http = new HttpClient(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.Zero });
        foreach (var path in new[] { "/function/echo", "/async-function/echo" })
        {
            using var answer = await http.PostAsync(new Uri(gateway.Api, path), new StringContent("hi"));
            Assert.True(answer.IsSuccessStatusCode, $"{path}: {answer.StatusCode}");
            Assert.True(answer.Headers.ConnectionClose, $"{path} closes its connection");
        }

        Assert.False(gateway.Process.Process.HasExited);
        Assert.DoesNotContain(gateway.Process.Process.Lines, line => line.Contains(Over, StringComparison.Ordinal));
        await gateway.Process.KillAsync();
        Assert.NotEqual(0, await ended);
    }

    // As Java's HttpClient and curl --http2 do with every request.
    [Fact]
    public async Task A_stopping_gateway_closes_the_connections_of_callers_that_offer_another_protocol_and_begins_websockets_all_the_same()
    {
        await using var gateway = await TestGateway.StartAsync(null, ("drain_delay", "1h"));
        await gateway.DeployAsync("echo", "cat");
        await gateway.DeployAsync("socket", HttpFunction.Command, environment: new { mode = "http" });

        var ended = gateway.Process.TerminateAsync();
        await Eventually.HoldsAsync(async () => await ReadinessAsync(gateway) == HttpStatusCode.ServiceUnavailable, "it says that it goes");
        foreach (var body in new[] { "", "hi" })
        {
            using var raw = await RawHttp.ConnectAsync(gateway.Api);
            await raw.SendAsync(
                "POST /function/echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"
                + $"Content-Length: {body.Length}\r\n\r\n{body}");
            var answer = await raw.ReadToEndAsync().WaitAsync(Eventually.Patience);
            Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
            Assert.Contains("Connection: close\r\n", answer, StringComparison.Ordinal);
            Assert.EndsWith("\r\n\r\n" + body, answer, StringComparison.Ordinal);
        }

        using (var socket = new ClientWebSocket())
        {
            await socket.ConnectAsync(new Uri($"ws://{gateway.Api.Authority}/function/socket/ws"), CancellationToken.None);
            await socket.SendAsync("word"u8.ToArray(), WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None);
            var got = new byte[64];
            var received = await socket.ReceiveAsync(got, CancellationToken.None);
            Assert.Equal("word"u8.ToArray(), got[..received.Count]);
        }

        await gateway.Process.KillAsync();
        Assert.NotEqual(0, await ended);
    }

    [Fact]
    public async Task A_stopping_gateway_serves_new_connections_until_drain_delay_is_over_and_loses_no_call()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats, ("drain_delay", "6s"));
        await gateway.DeployAsync("echo", "cat");
        var accepted = new ConcurrentBag<string>();
        var callers = Enumerable.Range(0, Callers).Select(caller => CallUntilRefusedAsync(gateway, caller, accepted)).ToList();
        await Eventually.HoldsAsync(() => accepted.Count > Callers, "it is under load");

        var ended = gateway.Process.TerminateAsync();
        var answers = await Task.WhenAll(callers);

        Assert.Equal(0, await ended);
        Assert.All(answers, closes => Assert.True(closes, "the last answers close their connections"));
        await using var stored = new StoredCalls(nats);
        Assert.Empty(accepted.Except(await stored.CallIdsAsync()));
    }

    [Fact]
    public async Task Without_drain_delay_a_gateway_stops_at_once_and_what_runs_is_answered()
    {
        var gate = new TaskCompletionSource();
        await using var function = await HttpLedger.StartAsync((_, http) => gate.Task.WaitAsync(http.RequestAborted));
        await using var gateway = await TestGateway.StartAsync();
        await gateway.DeployAsync("slow", function.Url);
        var call = gateway.PostAsync("/function/slow", "hi");
        await function.ReceivesAsync(1);

        var ended = gateway.Process.TerminateAsync();
        await Eventually.HoldsAsync(async () => await IsRefusedAsync(gateway), "the listener is closed");
        Assert.False(gateway.Process.Process.HasExited);
        gate.SetResult();

        Assert.Equal(HttpStatusCode.OK, (await call).StatusCode);
        Assert.Equal(0, await ended);
    }

    [Fact]
    public async Task A_kept_connection_without_a_request_is_closed_at_once_and_holds_up_no_stop()
    {
        await using var gateway = await TestGateway.StartAsync(null, ("idle_timeout", "24h"), ("grace_period", "24h"));
        using var kept = await RawHttp.ConnectAsync(gateway.Api);
        await kept.SendAsync("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        await kept.ReadUntilAsync("\r\n\r\n");
        using var unused = await RawHttp.ConnectAsync(gateway.Api);

        Assert.Equal(0, await gateway.Process.TerminateAsync());
        await kept.ReadToEndAsync();
        await unused.ReadToEndAsync();
    }

    [Theory]
    [InlineData("embedded")]
    [InlineData("remote")]
    public async Task A_followed_log_keeps_no_gateway_from_stopping_and_ends_in_good_order(string which)
    {
        (string, string)[] patient = [("grace_period", "10m"), ("write_timeout", "10m")];
        await using var provider = await TestGateway.StartAsync(null, patient);
        await using var front = which == "remote" ? await TestGateway.StartAsync(null, [("functions_provider_url", provider.Api.AbsoluteUri), ("basic_auth", "true"), .. patient]) : null;
        var gateway = front ?? provider;
        await gateway.DeployAsync("told", "cat");
        using var log = await AskAsync(gateway, "logs?name=told&follow=true", "\r\n\r\n");

        var ended = gateway.Process.TerminateAsync();

        Assert.Equal(0, await ended.WaitAsync(Eventually.Patience));
        Assert.EndsWith("0\r\n\r\n", await log.ReadToEndAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_goes_on_until_somebody_ends_it_goes_on_and_begins_until_drain_delay_is_over()
    {
        await using var nats = await NatsServer.StartAsync();
        var port = FreePort.Next().ToString(CultureInfo.InvariantCulture);
        // Time enough for all that begins in it, and waited for to its end.
        await using var gateway = await TestGateway.StartAsync(nats, ("drain_delay", "20s"), ("grace_period", "10m"), ("scaler_port", port));
        await gateway.DeployAsync("told", "cat");
        using var channel = GrpcChannel.ForAddress($"http://127.0.0.1:{port}");
        using var before = await AskAsync(gateway, "overview/events", "data: ");
        var rest = before.ReadToEndAsync();

        var ended = gateway.Process.TerminateAsync();
        await Eventually.HoldsAsync(async () => await ReadinessAsync(gateway) == HttpStatusCode.ServiceUnavailable, "it says that it goes");
        using var events = await AskAsync(gateway, "overview/events", "data: ");
        using var log = await AskAsync(gateway, "logs?name=told&follow=true", "\r\n\r\n");
        using var trigger = new ExternalScaler.ExternalScalerClient(channel).StreamIsActive(new ScaledObjectRef { ScalerMetadata = { ["queueName"] = "faas-request" } });
        Assert.True(await trigger.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Eventually.Patience));
        Assert.False(rest.IsCompleted);

        Assert.False(await trigger.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Eventually.Patience));
        foreach (var answer in new[] { rest, events.ReadToEndAsync(), log.ReadToEndAsync() })
        {
            Assert.EndsWith("0\r\n\r\n", await answer.WaitAsync(Eventually.Patience), StringComparison.Ordinal);
        }

        Assert.Equal(0, await ended.WaitAsync(Eventually.Patience));
        Assert.Contains(gateway.Process.Process.Lines, line => line.Contains(Over, StringComparison.Ordinal));
    }

    // A request to /system/ whose answer has come as far as that.
    private static async Task<RawHttp> AskAsync(TestGateway gateway, string path, string until)
    {
        var raw = await RawHttp.ConnectAsync(gateway.Api);
        await raw.SendAsync($"GET /system/{path} HTTP/1.1\r\nHost: x\r\nAuthorization: {TestGateway.Admin}\r\n\r\n");
        await raw.ReadUntilAsync(until);
        return raw;
    }

    // Each call over a connection of its own, sync and async in turn; a connection is refused only after the gateway has said so. Whether the last answer closed it.
    private static async Task<bool> CallUntilRefusedAsync(TestGateway gateway, int caller, ConcurrentBag<string> accepted)
    {
        using var http = new HttpClient(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.Zero });
        for (var (i, closes) = (0, false); ; i++)
        {
            var id = $"{caller}-{i}";
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(gateway.Api, i % 2 == 0 ? "/async-function/echo" : "/function/echo")) { Content = new StringContent(id) };
            request.Headers.Add("X-Call-Id", id);
            try
            {
                using var answer = await http.SendAsync(request);
                Assert.True(answer.IsSuccessStatusCode, $"{id}: {answer.StatusCode}");
                closes = answer.Headers.ConnectionClose == true;
            }
            catch (HttpRequestException)
            {
                await gateway.Process.Process.LineAsync(line => line.Contains(Over, StringComparison.Ordinal), "it has said so");
                return closes;
            }

            if (i % 2 == 0)
            {
                accepted.Add(id);
            }
        }
    }

    private static async Task<HttpStatusCode> ReadinessAsync(TestGateway gateway)
    {
        using var answer = await gateway.Http.GetAsync(new Uri(gateway.Process.Metrics, "/readyz"));
        return answer.StatusCode;
    }

    private static async Task<bool> IsRefusedAsync(TestGateway gateway)
    {
        using var socket = new TcpClient();
        try
        {
            await socket.ConnectAsync(gateway.Api.Host, gateway.Api.Port);
            return false;
        }
        catch (SocketException)
        {
            return true;
        }
    }
}
