using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.Gateway.Tests;

/// <summary>Functions that speak HTTP: processes that stay, and services that somebody else runs.</summary>
public sealed class HttpFunctionTests(ProviderFixture fixture) : IClassFixture<ProviderFixture>
{
    private readonly TestGateway _gateway = fixture.Embedded;

    [Fact]
    public async Task A_staying_process_is_started_once_and_gets_only_what_follows_the_name()
    {
        await DeployAsync("stays");

        using var first = await _gateway.PostAsync("/function/stays/born", "");
        using var second = await _gateway.PostAsync("/function/stays/born", "");
        using var echoed = await _gateway.PostAsync("/function/stays/a%2Fb?q=1", "hi");

        Assert.Equal(await first.Content.ReadAsStringAsync(), await second.Content.ReadAsStringAsync());
        Assert.Equal("POST /a%2Fb?q=1 hi", await echoed.Content.ReadAsStringAsync());
        Assert.True(echoed.Headers.Contains("X-Duration-Seconds"));
        Assert.Equal("text/plain", echoed.Content.Headers.ContentType!.MediaType);

        // Below the kernel's ports for outgoing connections: none can take it between its choice and its use.
        using var environment = await _gateway.PostAsync("/function/stays/env", "");
        var port = (await environment.Content.ReadAsStringAsync()).Split('\n').Single(line => line.StartsWith("PORT=", StringComparison.Ordinal))[5..];
        var outgoing = (await File.ReadAllTextAsync("/proc/sys/net/ipv4/ip_local_port_range")).Split('\t')[0];
        Assert.InRange(int.Parse(port, CultureInfo.InvariantCulture), 10_000, Math.Max(int.Parse(outgoing, CultureInfo.InvariantCulture), 11_000) - 1);
    }

    [Fact]
    public async Task A_process_that_dies_is_started_again()
    {
        await DeployAsync("mortal");
        var before = await BornAsync("mortal");

        using var died = await _gateway.PostAsync("/function/mortal/die", "");
        await Eventually.HoldsAsync(async () => await BornAsync("mortal") != before, "another process answers");

        Assert.Contains("exited with 137", await _gateway.SystemAsync(HttpMethod.Get, "logs?name=mortal"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_process_that_keeps_dying_is_503_and_says_so()
    {
        await _gateway.DeployAsync("broken", "false", environment: new { mode = "http" });

        await Eventually.HoldsAsync(async () => (await _gateway.PostAsync("/function/broken", "", ("X-Timeout", "1s"))).StatusCode == HttpStatusCode.ServiceUnavailable, "calls are refused");
        using var refused = await _gateway.PostAsync("/function/broken", "");

        Assert.Equal("proxy", refused.Headers.GetValues("X-OpenFaaS-Internal").Single());
        Assert.Equal("No endpoints available for: broken.", await refused.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Replicas_are_processes_and_none_is_left_at_zero()
    {
        await DeployAsync("many");
        await ScaleAsync("many", 3);
        await Eventually.HoldsAsync(async () => (int?)(await _gateway.SystemJsonAsync("function/many"))["availableReplicas"] == 3, "three are ready");
        await Eventually.HoldsAsync(() => HttpFunction.Running(_gateway, "many") == 3, "there are three processes");

        await ScaleAsync("many", 0);
        await Eventually.HoldsAsync(() => HttpFunction.Running(_gateway, "many") == 0, "no process is left");

        using var woken = await _gateway.PostAsync("/function/many/x", "");
        Assert.Equal(HttpStatusCode.OK, woken.StatusCode);
        await Eventually.HoldsAsync(() => HttpFunction.Running(_gateway, "many") == 1, "there is one process");
    }

    [Fact]
    public async Task A_process_that_is_one_too_many_ends_its_calls_however_long_they_take()
    {
        var gate = Path.Combine(Path.GetTempPath(), $"gate-{Guid.NewGuid():N}");
        await _gateway.DeployAsync("shrinks", HttpFunction.Command, environment: new { mode = "http", write_timeout = "1ms" });
        await ScaleAsync("shrinks", 2);
        await Eventually.HoldsAsync(async () => (int?)(await _gateway.SystemJsonAsync("function/shrinks"))["availableReplicas"] == 2, "two are ready");

        // One in each: the second goes to the process with fewer calls.
        var calls = new[] { _gateway.PostAsync($"/function/shrinks/until{gate}", ""), _gateway.PostAsync($"/function/shrinks/until{gate}", "") };
        await Eventually.HoldsAsync(() => HttpFunction.Running(_gateway, "shrinks") == 4, "each process has a call, which has a process too");
        await ScaleAsync("shrinks", 1);
        await Eventually.HoldsAsync(async () => (int?)(await _gateway.SystemJsonAsync("function/shrinks"))["availableReplicas"] == 1, "one is left");
        await BornAsync("shrinks");

        await File.WriteAllTextAsync(gate, "");
        foreach (var call in calls)
        {
            using var answer = await call;
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }

        await Eventually.HoldsAsync(() => HttpFunction.Running(_gateway, "shrinks") == 1, "the other process ends then");
        File.Delete(gate);
    }

    [Fact]
    public async Task A_fixed_port_allows_one_process_only()
    {
        var port = FreePort.Next().ToString(CultureInfo.InvariantCulture);
        await _gateway.DeployAsync("fixed", $"{HttpFunction.Command} {port}", environment: new { mode = "http", upstream_url = $"http://127.0.0.1:{port}" });

        using var answer = await _gateway.PostAsync("/function/fixed/x", "hi");
        var refusal = await _gateway.SystemAsync(HttpMethod.Post, "scale-function/fixed", new { serviceName = "fixed", replicas = 2 }, HttpStatusCode.BadRequest);

        Assert.Equal("POST /x hi", await answer.Content.ReadAsStringAsync());
        Assert.Contains("PORT", refusal, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_asks_for_more_than_one_process_on_a_fixed_port_is_refused_and_who_gets_one_later_keeps_one_process()
    {
        var port = FreePort.Next().ToString(CultureInfo.InvariantCulture);
        var command = $"{HttpFunction.Command} {port}";
        var environment = new { mode = "http", upstream_url = $"http://127.0.0.1:{port}" };
        var labels = new Dictionary<string, string> { ["com.openfaas.scale.min"] = "3" };
        var refusal = await _gateway.SystemAsync(
            HttpMethod.Post, "functions", new { service = "settles", envProcess = command, envVars = environment, labels }, HttpStatusCode.BadRequest);
        Assert.StartsWith("labels.com.openfaas.scale.min: \"3\"", refusal, StringComparison.Ordinal);

        await _gateway.SystemAsync(HttpMethod.Post, "functions", new { service = "settles", envProcess = command, envVars = new { mode = "http" }, labels }, HttpStatusCode.Accepted);
        await Eventually.HoldsAsync(() => HttpFunction.Running(_gateway, "settles") == 3, "there are three processes");
        await _gateway.SystemAsync(HttpMethod.Put, "functions", new { service = "settles", envProcess = command, envVars = environment }, HttpStatusCode.Accepted);

        using var answer = await _gateway.PostAsync("/function/settles/x", "hi");
        Assert.Equal("POST /x hi", await answer.Content.ReadAsStringAsync());
        Assert.Equal(1, (int?)(await _gateway.SystemJsonAsync("function/settles"))["replicas"]);
        await Eventually.HoldsAsync(() => HttpFunction.Running(_gateway, "settles") == 1, "there is one process");
    }

    [Fact]
    public async Task Who_leaves_the_port_only_now_is_not_taken_for_the_process()
    {
        var port = FreePort.Next();
        using var leaving = new TcpListener(IPAddress.Loopback, port);
        leaving.Start();

        // At the first look, which may come before the deployment is answered: the gateway waits only a second for the port.
        var left = LeaveAsync();
        await _gateway.DeployAsync("follows", $"{HttpFunction.Command} {port}", environment: new { mode = "http", upstream_url = $"http://127.0.0.1:{port}" });

        using var answer = await _gateway.PostAsync("/function/follows/x", "hi");
        Assert.Equal("POST /x hi", await answer.Content.ReadAsStringAsync());
        await left;

        async Task LeaveAsync()
        {
            using (await leaving.AcceptSocketAsync())
            {
                leaving.Stop();
            }
        }
    }

    [Fact]
    public async Task A_deleted_functions_processes_end()
    {
        await DeployAsync("deleted");
        await BornAsync("deleted");
        var folder = Path.Combine(_gateway.DataPath, "work", "openfaas-fn", "deleted");

        await _gateway.SystemAsync(HttpMethod.Delete, "functions", new { functionName = "deleted" }, HttpStatusCode.Accepted);

        Assert.Equal(0, HttpFunction.Running(_gateway, "deleted"));
        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public async Task A_process_that_does_not_end_in_its_time_is_killed_and_told()
    {
        await _gateway.DeployAsync("lingers", HttpFunction.Command, environment: new { mode = "http", write_timeout = "1ms", ignore_term = "1" });
        using var hanging = await RawHttp.ConnectAsync(_gateway.Api);
        await hanging.SendAsync("GET /function/lingers/hang HTTP/1.1\r\nHost: x\r\n\r\n");
        await Eventually.HoldsAsync(() => HttpFunction.Running(_gateway, "lingers") == 2, "the call runs");

        await _gateway.SystemAsync(HttpMethod.Delete, "functions", new { functionName = "lingers" }, HttpStatusCode.Accepted);

        await _gateway.Process.Process.LineAsync(
            line => line.Contains("did not end within its write_timeout", StringComparison.Ordinal) && line.Contains("lingers", StringComparison.Ordinal), "the end is told");
        Assert.Equal(0, HttpFunction.Running(_gateway, "lingers"));
    }

    [Fact]
    public async Task The_end_of_the_gateway_takes_no_longer_than_its_own_time_whatever_a_function_may_take()
    {
        await using var gateway = await TestGateway.StartAsync(null, ("grace_period", "1s"));
        await gateway.DeployAsync("outlives", HttpFunction.Command, environment: new { mode = "http", write_timeout = "1h", ignore_term = "1" });
        using var answer = await gateway.PostAsync("/function/outlives/x", "hi");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);

        Assert.Equal(0, await gateway.Process.TerminateAsync());

        Assert.Contains(gateway.Process.Process.Lines, line => line.Contains("Replica did not end before the gateway does", StringComparison.Ordinal));
        Assert.Equal(0, HttpFunction.Running(gateway, "outlives"));
    }

    [Fact]
    public async Task Exec_timeout_is_504_and_marked()
    {
        await _gateway.DeployAsync("hangs", HttpFunction.Command, environment: new { mode = "http", exec_timeout = "500ms" });

        using var answer = await _gateway.PostAsync("/function/hangs/hang", "");

        Assert.Equal(HttpStatusCode.GatewayTimeout, answer.StatusCode);
        Assert.Equal("of-watchdog", answer.Headers.GetValues("X-OpenFaaS-Internal").Single());
    }

    [Fact]
    public async Task A_service_that_is_away_is_500_and_marked()
    {
        await _gateway.DeployAsync("away", new Uri($"http://127.0.0.1:{FreePort.Next()}"));

        using var answer = await _gateway.PostAsync("/function/away", "");

        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.Equal("proxy", answer.Headers.GetValues("X-OpenFaaS-Internal").Single());
        Assert.Equal("Can't reach service for: away.", await answer.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData("embedded")]
    [InlineData("remote")]
    public async Task A_websocket_echoes(string which)
    {
        var name = $"socket-{which}";
        await DeployAsync(name);
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(new Uri($"ws://{fixture.Through(which).Api.Authority}/function/{name}/ws"), CancellationToken.None);

        var got = new byte[64];
        foreach (var word in new[] { "one", "two" })
        {
            await socket.SendAsync(Encoding.ASCII.GetBytes(word), WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None);
            var received = await socket.ReceiveAsync(got, CancellationToken.None);
            Assert.Equal(word, Encoding.ASCII.GetString(got, 0, received.Count));
        }

        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
    }

    // The limit is one of an answer, which has come with the 101.
    [Theory]
    [InlineData("embedded")]
    [InlineData("remote")]
    public async Task A_websocket_outlives_the_time_limit_of_a_call(string which)
    {
        var name = $"lasting-{which}";
        await DeployAsync(name);
        await using var silent = RawServer.Start(request => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, request.Stopping));
        await _gateway.DeployAsync(name + "-silent", silent.Url);
        using var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("X-Timeout", "3s");
        await socket.ConnectAsync(new Uri($"ws://{fixture.Through(which).Api.Authority}/function/{name}/ws"), CancellationToken.None);

        // A call that begins later, with the same limit, has come to its end by that.
        using var over = await _gateway.PostAsync($"/function/{name}-silent", "", ("X-Timeout", "3s"));
        Assert.Equal(HttpStatusCode.BadGateway, over.StatusCode);

        var got = new byte[64];
        await socket.SendAsync("late"u8.ToArray(), WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None);
        var received = await socket.ReceiveAsync(got, CancellationToken.None);
        Assert.Equal("late", Encoding.ASCII.GetString(got, 0, received.Count));
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(70_000)]
    [InlineData(5_000_000)]
    public async Task What_a_websockets_caller_sent_last_arrives_though_it_hangs_up_behind_it(int length)
    {
        var read = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var service = RawServer.Start(async request =>
        {
            await request.SendAsync("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
            var (all, chunk) = (0L, new byte[8 * 1024]);
            for (int count; (count = await request.Client.GetStream().ReadAsync(chunk, request.Stopping)) > 0;)
            {
                all += count;
            }

            read.SetResult(all);
            request.Close();
        });
        var name = $"last-words-{length}";
        await _gateway.DeployAsync(name, service.Url);
        using (var raw = await RawHttp.ConnectAsync(_gateway.Api))
        {
            await raw.SendAsync($"GET /function/{name} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n");
            await raw.ReadUntilAsync("\r\n\r\n");
            await raw.SendAsync(new string('x', length));
        }

        Assert.Equal(length, await read.Task.WaitAsync(Eventually.Patience));
    }

    [Fact]
    public async Task The_head_of_an_answer_does_not_wait_for_its_body()
    {
        using var next = new SemaphoreSlim(0);
        await using var service = RawServer.Start(async request =>
        {
            await request.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
            await next.WaitAsync(request.Stopping);
            await request.SendAsync("hello");
        });
        await _gateway.DeployAsync("slow-body", service.Url);
        using var raw = await RawHttp.ConnectAsync(_gateway.Api);

        await raw.SendAsync("GET /function/slow-body HTTP/1.1\r\nHost: x\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 200 OK", await raw.ReadUntilAsync("\r\n\r\n"), StringComparison.Ordinal);
        next.Release();
        await raw.ReadUntilAsync("hello");
    }

    [Fact]
    public async Task Events_of_a_service_arrive_one_by_one()
    {
        using var next = new SemaphoreSlim(0);
        await using var service = await HttpLedger.StartAsync(async (_, http) =>
        {
            http.Response.ContentType = "text/event-stream";
            for (var i = 0; i < 3; i++)
            {
                await http.Response.WriteAsync($"data: {i}\n\n");
                await http.Response.Body.FlushAsync();
                await next.WaitAsync(http.RequestAborted);
            }
        });
        await _gateway.DeployAsync("events", service.Url);
        using var raw = await RawHttp.ConnectAsync(_gateway.Api);

        await raw.SendAsync("GET /function/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n");

        for (var i = 0; i < 3; i++)
        {
            await raw.ReadUntilAsync($"data: {i}");
            next.Release();
        }
    }

    [Fact]
    public async Task More_than_memory_may_take_streams_through_without_being_kept()
    {
        const long Size = 700_000_000;
        await DeployAsync("huge");
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(_gateway.Api, "/function/huge/large"));
        request.Headers.Add("X-Size", Size.ToString(CultureInfo.InvariantCulture));
        request.Headers.Add("X-Timeout", "30m");
        using var answer = await _gateway.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        await using var body = await answer.Content.ReadAsStreamAsync();

        var (read, most) = (0L, 0L);
        var chunk = new byte[1024 * 1024];
        for (int count; (count = await body.ReadAsync(chunk)) > 0;)
        {
            read += count;
            most = read % (64 * 1024 * 1024) < count ? Math.Max(most, Processes.ResidentBytes(_gateway.Process.Process.Id)) : most;
        }

        Assert.Equal(Size, read);
        Assert.InRange(most, 1, 400L * 1024 * 1024);
    }

    private Task DeployAsync(string name) => _gateway.DeployAsync(name, HttpFunction.Command, environment: new { mode = "http" });

    private Task<string> ScaleAsync(string name, int replicas) =>
        _gateway.SystemAsync(HttpMethod.Post, $"scale-function/{name}", new { serviceName = name, replicas }, HttpStatusCode.Accepted);

    private async Task<string> BornAsync(string name)
    {
        using var answer = await _gateway.PostAsync($"/function/{name}/born", "");
        return answer.IsSuccessStatusCode ? await answer.Content.ReadAsStringAsync() : throw new HttpRequestException($"{(int)answer.StatusCode}");
    }
}
