using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;

namespace Connectors.Gateway.Tests;

/// <summary>One gateway with its embedded provider, one nats-server and no worker: what was accepted stays in the stream to be looked at.</summary>
public sealed class QueueFixture : IAsyncLifetime
{
    public NatsServer Nats { get; private set; } = null!;

    public TestGateway Gateway { get; private set; } = null!;

    public StoredCalls Stored { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Nats = await NatsServer.StartAsync();
        Gateway = await TestGateway.StartAsync(Nats);
        Stored = new StoredCalls(Nats);
        await Gateway.DeployAsync("echo", "cat");
        await Gateway.DeployAsync("other", "cat");
    }

    public async ValueTask DisposeAsync()
    {
        await Stored.DisposeAsync();
        await Gateway.DisposeAsync();
        await Nats.DisposeAsync();
    }
}

public sealed class EnqueueTests(QueueFixture fixture) : IClassFixture<QueueFixture>
{
    private readonly TestGateway _gateway = fixture.Gateway;
    private readonly StoredCalls _stored = fixture.Stored;

    [Fact]
    public async Task An_accepted_call_is_stored_before_the_202()
    {
        using var answer = await _gateway.PostAsync("/async-function/echo", "hi");
        var call = await _stored.LastAsync();

        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        Assert.Equal(0, answer.Content.Headers.ContentLength);
        Assert.Equal(answer.Headers.GetValues("X-Call-Id").Single(), call.Envelope.CallId);
        Assert.Matches(new Regex("^[0-9]{19}$"), answer.Headers.GetValues("X-Start-Time").Single());
        Assert.True(answer.Headers.Contains("X-Served-By"));
        Assert.Equal("faas-request.call.normal.openfaas-fn.echo", call.Subject);
        Assert.Equal("hi", Encoding.UTF8.GetString(call.Body));
        Assert.True(Guid.TryParse(call.Envelope.DeliveryId, out _));
        Assert.NotEqual(call.Envelope.CallId, call.Envelope.DeliveryId);
        Assert.Equal(1, call.Envelope.Attempt);
        Assert.False(call.Headers.ContainsKey("Nats-Msg-Id"));
    }

    [Theory]
    [InlineData("/async-function/echo", "echo")]
    [InlineData("/async-function/echo/v1.2?x=a.b", "echo")]
    [InlineData("/async-function/echo.openfaas-fn", "echo.openfaas-fn")]
    [InlineData("/async-function/echo.openfaas-fn/", "echo.openfaas-fn")]
    public async Task How_its_caller_named_the_function_is_stored(string path, string name)
    {
        using var answer = await _gateway.PostAsync(path, "hi");

        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        Assert.Equal(name, (await _stored.LastAsync()).Envelope.NameAsCalled);
    }

    [Fact]
    public async Task The_callers_call_id_is_kept_and_echoed()
    {
        using var answer = await _gateway.PostAsync("/async-function/echo", "hi", ("X-Call-Id", "trace-1"));

        Assert.Equal("trace-1", answer.Headers.GetValues("X-Call-Id").Single());
        Assert.Equal("trace-1", (await _stored.LastAsync()).Envelope.CallId);
    }

    [Fact]
    public async Task Any_million_bytes_are_stored_unchanged_and_one_more_is_413()
    {
        var body = new byte[1_000_000];
        new Random(7).NextBytes(body);
        body[0] = 0;
        body[1] = 0xff;

        using var most = await _gateway.SendAsync(HttpMethod.Post, "/async-function/echo", body);
        var stored = await _stored.LastAsync();
        using var more = await _gateway.SendAsync(HttpMethod.Post, "/async-function/echo", [.. body, 1]);

        Assert.Equal(HttpStatusCode.Accepted, most.StatusCode);
        Assert.Equal(body, stored.Body);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, more.StatusCode);
        Assert.Contains("1000000", await more.Content.ReadAsStringAsync());
        Assert.Contains("1000001", await more.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_body_without_a_length_is_measured_as_it_comes()
    {
        using var raw = await RawHttp.ConnectAsync(_gateway.Api);
        await raw.SendAsync("POST /async-function/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
        var chunk = new string('x', 100_000);
        for (var i = 0; i < 11; i++)
        {
            await raw.SendAsync($"186a0\r\n{chunk}\r\n");
        }

        Assert.StartsWith("HTTP/1.1 413", await raw.ReadUntilAsync("\r\n\r\n"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Large_headers_are_431_and_do_not_disturb_others()
    {
        var headers = ("X-Large", new string('x', 33 * 1024));
        var refused = Enumerable.Range(0, 10).Select(_ => _gateway.PostAsync("/async-function/echo", "hi", headers)).ToList();
        var accepted = Enumerable.Range(0, 10).Select(_ => _gateway.PostAsync("/async-function/echo", "hi")).ToList();

        Assert.All(await Task.WhenAll(refused), answer => Assert.Equal(HttpStatusCode.RequestHeaderFieldsTooLarge, answer.StatusCode));
        Assert.All(await Task.WhenAll(accepted), answer => Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode));
    }

    // The worker has lines of its own beside them, and the gateway that it sends them to takes 1,000.
    [Theory]
    [InlineData(950, "202")]
    [InlineData(980, "431")]
    public async Task More_header_lines_than_a_worker_can_send_are_431(int lines, string status)
    {
        var answer = await RawHttp.AskAsync(
            _gateway.Api, $"POST /async-function/echo HTTP/1.1\nHost: x\n{string.Concat(Enumerable.Range(0, lines).Select(i => $"X-{i}: 1\n"))}", "hi");

        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Path_without_dot_segments_query_and_headers_are_stored_as_sent()
    {
        var answer = await RawHttp.AskAsync(
            _gateway.Api,
            "POST /async-function/echo/a%2Fb//%7Ec/../d?x=%20&y&x=2 HTTP/1.1\nHost: gw.test\nX-Twice: one\nx-twice: two\nX-Odd: caf\u00e9 \u00ff\n"
            + "Nats-Rollup: all\nNats-Msg-Id: mine\nNats-Expected-Stream: other\nKeep-Alive: 5\nX-Invoke-Mode: async\nX-Timeout: 5s\nExpect: 100-continue\n",
            "hi");
        var call = await _stored.LastAsync();

        Assert.Contains("HTTP/1.1 202", answer, StringComparison.Ordinal);
        Assert.Equal("/a%2Fb//d", call.Envelope.Path);
        Assert.Equal("x=%20&y&x=2", call.Envelope.Query);
        Assert.Equal(["one", "two"], Values(call, "X-Twice"));
        Assert.Equal(["caf\u00e9 \u00ff"], Values(call, "X-Odd"));
        Assert.Equal(["all"], Values(call, "Nats-Rollup"));
        Assert.Equal(["gw.test"], Values(call, "X-Forwarded-Host"));
        Assert.Empty(Values(call, "Keep-Alive"));
        Assert.Empty(Values(call, "X-Invoke-Mode"));
        Assert.Empty(Values(call, "X-Timeout"));
        Assert.Equal([EnvelopeCodec.HeaderName], call.Headers.Keys);
    }

    [Theory]
    [InlineData("/async-function/echo/../../async-function/echo/x", "/x")]
    [InlineData("/async-function/echo/%2e%2E/%2e./async-function/echo", "")]
    [InlineData("/async-function/echo/a/./b/..", "/a/")]
    [InlineData("/async-function/%65cho/%7Ea", "/%7Ea")]
    public async Task What_is_stored_leads_to_no_other_route_when_the_worker_sends_it(string path, string stored)
    {
        var answer = await RawHttp.AskAsync(_gateway.Api, $"POST {path} HTTP/1.1\nHost: x\n", "hi");

        Assert.StartsWith("HTTP/1.1 202", answer, StringComparison.Ordinal);
        Assert.Equal(stored, (await _stored.LastAsync()).Envelope.Path);
    }

    [Fact]
    public async Task Headers_named_by_Connection_are_not_stored_and_none_of_the_gateways_can_be_struck_out()
    {
        await RawHttp.AskAsync(
            _gateway.Api, "POST /async-function/echo HTTP/1.1\nHost: gw.test\nConnection: X-Hop, X-Call-Id, X-Forwarded-For, Host\nX-Hop: 1\nX-Call-Id: mine\n", "hi");
        var call = await _stored.LastAsync();

        Assert.Empty(Values(call, "X-Hop"));
        Assert.Equal([call.Envelope.CallId], Values(call, "X-Call-Id"));
        Assert.StartsWith("127.0.0.1:", Values(call, "X-Forwarded-For").Single(), StringComparison.Ordinal);
        Assert.Equal(["gw.test"], Values(call, "X-Forwarded-Host"));
    }

    [Fact]
    public async Task A_forked_function_is_told_who_called()
    {
        await _gateway.DeployAsync("told", "env");

        using var answer = await _gateway.PostAsync("/function/told", "");
        var variables = await answer.Content.ReadAsStringAsync();

        Assert.Contains("Http_X_Forwarded_For=127.0.0.1:", variables, StringComparison.Ordinal);
        Assert.Contains($"Http_X_Forwarded_Host={_gateway.Api.Authority}", variables, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://receiver.test/\u00c3\u00bcmlaut?q=\u00c3\u00bc", "http://receiver.test/%C3%BCmlaut?q=%C3%BC")]
    [InlineData("http://receiver.test/a%2Fb/../c//d?x=%20", "http://receiver.test/a%2Fb/../c//d?x=%20")]
    [InlineData("http://receiver.test/a b#part", "http://receiver.test/a%20b")]
    [InlineData("http://m\u00c3\u00bcnchen.example/done", "http://xn--mnchen-3ya.example/done")]
    [InlineData("https://m\u00c3\u00bc:p@www.M\u00c3\u009cNCHEN.example:8443?q=@\u00c3\u00bc", "https://m%C3%BC:p@www.xn--mnchen-3ya.example:8443?q=@%C3%BC")]
    [InlineData("http://RECEIVER_1.test/\u00c3\u00bc@m\u00c3\u00bcnchen.example", "http://RECEIVER_1.test/%C3%BC@m%C3%BCnchen.example")]
    [InlineData("", null)]
    public async Task A_callbacks_address_is_stored_as_it_goes_out(string given, string? stored)
    {
        var answer = await RawHttp.AskAsync(_gateway.Api, $"POST /async-function/echo HTTP/1.1\nHost: x\nX-Callback-Url: {given}\n", "hi");

        Assert.StartsWith("HTTP/1.1 202", answer, StringComparison.Ordinal);
        Assert.Equal(stored, (await _stored.LastAsync()).Envelope.Callback);
    }

    [Theory]
    [InlineData("m\u00fcnchen.example")]
    [InlineData("m\u00c3\u00bcnchen..example")]
    [InlineData("\u00c3\u00bc\u0001.example")]
    public async Task A_callbacks_host_that_is_no_name_is_400(string host)
    {
        var answer = await RawHttp.AskAsync(_gateway.Api, $"POST /async-function/echo HTTP/1.1\nHost: x\nX-Callback-Url: http://{host}/done\n", "hi");

        Assert.StartsWith("HTTP/1.1 400", answer, StringComparison.Ordinal);
        Assert.Contains("X-Callback-Url", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_callbacks_address_has_8192_characters_and_one_more_is_400()
    {
        var longest = "http://receiver.test/".PadRight(8192, 'a');

        using var most = await _gateway.PostAsync("/async-function/echo", "hi", ("X-Callback-Url", longest));
        var stored = await _stored.LastAsync();
        using var more = await _gateway.PostAsync("/async-function/echo", "hi", ("X-Callback-Url", longest + "a"));

        Assert.Equal(HttpStatusCode.Accepted, most.StatusCode);
        Assert.Equal(longest, stored.Envelope.Callback);
        Assert.Equal(HttpStatusCode.BadRequest, more.StatusCode);
    }

    // What makes a name for DNS of it takes a time that grows with the square of its length.
    [Fact]
    public async Task A_callbacks_host_of_a_megabyte_is_refused_by_its_length_before_it_is_looked_at()
    {
        var host = string.Concat(Enumerable.Range(0, 330_000).Select(i => (char)(0x4e00 + (i % 20_000))));
        using var raw = await RawHttp.ConnectAsync(_gateway.Api);
        await raw.SendAsync(
            $"POST /async-function/echo HTTP/1.1\r\nHost: x\r\nX-Callback-Url: http://{Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(host))}\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi");

        var answer = await raw.ReadToEndAsync();

        Assert.StartsWith("HTTP/1.1 400", answer, StringComparison.Ordinal);
        Assert.Contains("X-Callback-Url: an address of at most 8192 characters", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("DELETE")]
    public async Task A_functions_name_is_no_calls_id(string method)
    {
        foreach (var name in new[] { "echo", "echo.openfaas-fn" })
        {
            using var answer = await _gateway.SendAsync(new HttpMethod(method), "/async-function/" + name);

            Assert.Equal(HttpStatusCode.MethodNotAllowed, answer.StatusCode);
            Assert.Equal(["POST"], answer.Content.Headers.Allow);
        }
    }

    [Fact]
    public async Task Only_the_gateways_own_credentials_are_left_out()
    {
        await _gateway.PostAsync("/async-function/echo", "hi", ("Authorization", TestGateway.Admin));
        var without = await _stored.LastAsync();
        await _gateway.PostAsync("/async-function/echo", "hi", ("Authorization", "Bearer function's own"));
        var with = await _stored.LastAsync();

        Assert.Empty(Values(without, "Authorization"));
        Assert.Equal(["Bearer function's own"], Values(with, "Authorization"));
    }

    [Fact]
    public async Task One_idempotency_key_is_stored_once_per_function()
    {
        var key = ("Idempotency-Key", Guid.NewGuid().ToString());
        var before = await _stored.CountAsync();

        using var first = await _gateway.PostAsync("/async-function/echo", "hi", key);
        using var again = await _gateway.PostAsync("/async-function/echo", "hi", key);
        using var other = await _gateway.PostAsync("/async-function/other", "hi", key);

        Assert.Equal(HttpStatusCode.Accepted, first.StatusCode);
        Assert.Equal(HttpStatusCode.Accepted, again.StatusCode);
        Assert.False(first.Headers.Contains("X-Duplicate"));
        Assert.Equal("true", again.Headers.GetValues("X-Duplicate").Single());
        Assert.False(other.Headers.Contains("X-Duplicate"));
        Assert.Equal(before + 2, await _stored.CountAsync());
    }

    [Theory]
    [InlineData("Idempotency-Key", "with space")]
    [InlineData("Idempotency-Key", "")]
    [InlineData("X-Callback-Url", "not an address")]
    [InlineData("X-Callback-Url", "/relative")]
    [InlineData("X-Callback-Url", "ftp://host/")]
    [InlineData("X-Callback-Url", "http://")]
    public async Task What_cannot_be_kept_is_400(string header, string value)
    {
        using var answer = await _gateway.PostAsync("/async-function/echo", "hi", (header, value));

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains(header, await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task An_idempotency_key_of_129_characters_is_400()
    {
        using var longest = await _gateway.PostAsync("/async-function/echo", "hi", ("Idempotency-Key", new string('k', 128)));
        using var longer = await _gateway.PostAsync("/async-function/echo", "hi", ("Idempotency-Key", new string('k', 129)));

        Assert.Equal(HttpStatusCode.Accepted, longest.StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, longer.StatusCode);
    }

    [Fact]
    public async Task An_unknown_function_is_404_and_another_verb_405()
    {
        using var unknown = await _gateway.PostAsync("/async-function/nobody", "hi");
        using var verb = await _gateway.SendAsync(HttpMethod.Put, "/async-function/echo", [1]);

        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, verb.StatusCode);
        Assert.Equal(["POST"], verb.Content.Headers.Allow);
    }

    [Fact]
    public async Task Callbacks_that_call_each_other_end_after_sixteen_hops()
    {
        using var last = await _gateway.PostAsync("/async-function/echo", "hi", ("X-Callback-Hops", "16"));
        Assert.Equal(16, (await _stored.LastAsync()).Envelope.Hops);
        using var over = await _gateway.PostAsync("/async-function/echo", "hi", ("X-Callback-Hops", "17"));

        Assert.Equal(HttpStatusCode.Accepted, last.StatusCode);
        Assert.Equal(HttpStatusCode.LoopDetected, over.StatusCode);
    }

    [Fact]
    public async Task A_header_can_make_a_sync_route_async()
    {
        using var answer = await _gateway.PostAsync("/function/echo/p?q", "hi", ("X-Invoke-Mode", "async"), ("X-Priority", "high"), ("X-Callback-Url", "http://receiver.test/x"));
        var call = await _stored.LastAsync();

        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        Assert.Equal("faas-request.call.high.openfaas-fn.echo", call.Subject);
        Assert.Equal("/p", call.Envelope.Path);
        Assert.Equal("q", call.Envelope.Query);
        Assert.Equal("http://receiver.test/x", call.Envelope.Callback);
        Assert.Equal(Priority.High, call.Envelope.Priority);
    }

    [Fact]
    public async Task A_functions_annotations_travel_with_the_call()
    {
        await _gateway.DeployAsync("picky", "cat", new Dictionary<string, string>
        {
            ["com.openfaas.queue"] = "slow-fns",
            ["com.openfaas.retry.attempts"] = "4",
            ["com.openfaas.retry.codes"] = "429, 503",
            ["com.openfaas.retry.min_wait"] = "250ms",
            ["com.openfaas.retry.max_age"] = "1h",
            ["com.openfaas.queue.max_inflight"] = "3",
            ["com.openfaas.breaker.failures"] = "0",
            ["com.openfaas.breaker.min_wait"] = "2s",
        });

        using var answer = await _gateway.PostAsync("/async-function/picky", "hi");
        var envelope = (await _stored.LastAsync("slow-fns")).Envelope;

        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        Assert.Equal(4, envelope.Retry!.Attempts);
        Assert.Equal([429, 503], envelope.Retry.Codes!);
        Assert.Equal(TimeSpan.FromMilliseconds(250), envelope.Retry.MinWait);
        Assert.Null(envelope.Retry.MaxWait);
        Assert.Equal(envelope.Submitted + TimeSpan.FromHours(1), envelope.Deadline);
        Assert.Equal(3, envelope.MaxInflight);
        Assert.Equal((0, TimeSpan.FromSeconds(2), null), (envelope.Breaker!.Failures, envelope.Breaker.MinWait, envelope.Breaker.MaxWait));
    }

    [Theory]
    [InlineData("0", null)]
    [InlineData("0s", null)]
    [InlineData("1s", 1.0)]
    public async Task A_greatest_age_of_zero_is_none(string age, double? seconds)
    {
        var name = $"aged-{age}";
        await _gateway.DeployAsync(name, "cat", new Dictionary<string, string> { ["com.openfaas.retry.max_age"] = age });

        using var answer = await _gateway.PostAsync($"/async-function/{name}", "hi");
        var envelope = (await _stored.LastAsync()).Envelope;

        Assert.Equal((name, seconds, seconds), (envelope.Function, envelope.Retry?.MaxAge?.TotalSeconds, (envelope.Deadline - envelope.Submitted)?.TotalSeconds));
    }

    [Fact]
    public async Task A_queue_that_cannot_be_is_500_and_says_why()
    {
        await _gateway.DeployAsync("misplaced", "cat", new Dictionary<string, string> { ["com.openfaas.queue"] = "No Such Name" });

        using var answer = await _gateway.PostAsync("/async-function/misplaced", "hi");

        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.Contains("com.openfaas.queue", await answer.Content.ReadAsStringAsync());
    }

    private static IEnumerable<string> Values(StoredCall call, string header) => call.Envelope.Headers.Where(h => h.Is(header)).Select(h => h.Value);
}
