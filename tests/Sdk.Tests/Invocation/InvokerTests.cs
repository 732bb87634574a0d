using System.Net;
using System.Net.Sockets;
using System.Text;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.Sdk.Tests.Invocation;

public sealed class InvokerTests : IAsyncLifetime
{
    private static readonly FunctionCall Call = new() { Function = new FunctionName("figlet", "openfaas-fn"), Timeout = TimeSpan.FromSeconds(30) };

    private Func<RecordedRequest, HttpContext, Task> _answer = (_, _) => Task.CompletedTask;
    private HttpLedger _server = null!; // set before each test
    private Invoker _invoker = null!; // set before each test

    public async ValueTask InitializeAsync()
    {
        _server = await HttpLedger.StartAsync((request, http) => _answer(request, http));
        _invoker = new Invoker(_server.Url, "test", TimeProvider.System);
    }

    public async ValueTask DisposeAsync()
    {
        _invoker.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Body_path_query_and_headers_arrive_as_given()
    {
        var body = new byte[100_000];
        new Random(3).NextBytes(body);

        var outcome = await _invoker.InvokeAsync(
            Call with
            {
                Path = "/a%2Fb/../%C3%BC//c",
                Query = "q=%20&q=2&r=a+b",
                Headers = [new("Content-Type", "text/x; charset=utf-8"), new("X-Tag", "one"), new("X-Tag", "two, three"), new("X-Latin", "Jörg \u0085\u00c3\u0080"), new("X-Empty", "")],
                Body = body,
            },
            CancellationToken.None);

        Assert.Equal(OutcomeKind.Succeeded, outcome.Kind);
        var request = Assert.Single(_server.Requests);
        Assert.Equal("POST", request.Method);
        Assert.Equal("/function/figlet.openfaas-fn/a%2Fb/../%C3%BC//c", request.Path);
        Assert.Equal("q=%20&q=2&r=a+b", request.Query);
        Assert.Equal(body, request.Body);
        Assert.Equal("text/x; charset=utf-8", request.Header("Content-Type"));
        Assert.Equal("one, two, three", string.Join(", ", request.HeaderValues("X-Tag")));
        Assert.Equal("Jörg \u0085\u00c3\u0080", request.Header("X-Latin"));
        Assert.Equal("", request.Header("X-Empty"));
        Assert.Equal("100000", request.Header("Content-Length"));
        Assert.Equal("30s", request.Header("X-Timeout"));
        Assert.Equal("test/" + CommandLine.Version, request.Header("User-Agent"));
    }

    [Fact]
    public async Task A_functions_address_is_made_once_however_many_functions_were_called_before_it()
    {
        var made = 0;
        using var invoker = new Invoker(
            call =>
            {
                made += call.Function == Call.Function ? 1 : 0;
                return "http://functions";
            },
            "test",
            TimeProvider.System,
            new Answering());
        for (var others = 0; others < 5_000; others++)
        {
            await invoker.InvokeAsync(Call with { Function = new FunctionName($"passing-{others}", "openfaas-fn") }, CancellationToken.None);
        }

        for (var again = 0; again < 3; again++)
        {
            Assert.Equal(OutcomeKind.Succeeded, (await invoker.InvokeAsync(Call, CancellationToken.None)).Kind);
        }

        Assert.Equal(1, made);
    }

    [Fact]
    public async Task Headers_of_the_connection_stay_behind()
    {
        await _invoker.InvokeAsync(
            Call with
            {
                Headers =
                [
                    new("Connection", "X-Gone"), new("Transfer-Encoding", "chunked"), new("Upgrade", "websocket"), new("Te", "trailers"), new("Host", "elsewhere"),
                    new("Content-Length", "5"), new("Expect", "100-continue"), new("Proxy-Authorization", "secret"), new("X-Timeout", "1h"), new("User-Agent", "mine"),
                ],
            },
            CancellationToken.None);

        var request = Assert.Single(_server.Requests);
        Assert.Null(request.Header("Connection"));
        Assert.Null(request.Header("Transfer-Encoding"));
        Assert.Null(request.Header("Upgrade"));
        Assert.Null(request.Header("Te"));
        Assert.Null(request.Header("Expect"));
        Assert.Null(request.Header("Proxy-Authorization"));
        Assert.Equal(_server.Url.Authority, request.Header("Host"));
        Assert.Equal("0", request.Header("Content-Length"));
        Assert.Equal(["30s"], request.HeaderValues("X-Timeout"));
        Assert.Equal(["test/" + CommandLine.Version], request.HeaderValues("User-Agent"));
    }

    [Theory]
    [InlineData("X-Split", "a\r\nX-Injected: 1")]
    [InlineData("X Space", "v")]
    [InlineData("X-Colon:", "v")]
    [InlineData("", "v")]
    [InlineData("X-Nul", "a\0b")]
    [InlineData("X-Wide", "日本")]
    [InlineData("X-Cut", "\u010d\u010aX-Injected: 1")]
    public async Task A_header_that_http_does_not_know_neither_breaks_out_nor_stops_the_call(string name, string value)
    {
        var outcome = await _invoker.InvokeAsync(Call with { Headers = [new(name, value), new("X-Next", "there")] }, CancellationToken.None);

        Assert.Equal(OutcomeKind.Succeeded, outcome.Kind);
        var request = Assert.Single(_server.Requests);
        Assert.Equal("there", request.Header("X-Next"));
        Assert.Null(request.Header("X-Injected"));
    }

    [Fact]
    public async Task An_asynchronous_call_goes_to_the_other_route_below_the_gateways_own_path()
    {
        using var invoker = new Invoker(new Uri(_server.Url, "base"), "test", TimeProvider.System);

        await invoker.InvokeAsync(Call with { Asynchronous = true, Function = new FunctionName("env", "") }, CancellationToken.None);

        Assert.Equal("/base/async-function/env", Assert.Single(_server.Requests).Path);
    }

    [Fact]
    public async Task How_long_the_enqueueing_may_take_is_not_told_to_a_gateway_that_would_hand_it_to_the_function()
    {
        await _invoker.InvokeAsync(Call with { Asynchronous = true, Headers = [new("X-Timeout", "1s"), new("X-Next", "there")] }, CancellationToken.None);
        await _invoker.InvokeAsync(Call with { Headers = [new("X-Timeout", "1s")] }, CancellationToken.None);

        Assert.Equal(2, _server.Requests.Count);
        var enqueued = _server.Requests.Single(r => r.Path.StartsWith("/async-function/", StringComparison.Ordinal));
        Assert.Empty(enqueued.HeaderValues("X-Timeout"));
        Assert.Equal("there", enqueued.Header("X-Next"));
        Assert.Equal(["30s"], _server.Requests.Single(r => r != enqueued).HeaderValues("X-Timeout"));
    }

    [Fact]
    public async Task The_answer_is_kept_with_its_headers_up_to_the_size_asked_for()
    {
        _answer = async (_, http) =>
        {
            http.Response.Headers.Append("X-Tag", new(["one", "two"]));
            http.Response.ContentType = "text/plain";
            await http.Response.WriteAsync("hello");
        };

        var kept = await _invoker.InvokeAsync(Call with { KeepBytes = 5 }, CancellationToken.None);
        var dropped = await _invoker.InvokeAsync(Call with { KeepBytes = 4 }, CancellationToken.None);

        Assert.Equal("hello", Encoding.UTF8.GetString(kept.Body.Span));
        Assert.True(kept.IsBodyKept);
        Assert.Equal(["one", "two"], kept.Headers.Where(h => h.Is("X-Tag")).Select(h => h.Value));
        Assert.Contains(kept.Headers, h => h.Is("Content-Type") && h.Value == "text/plain");
        Assert.Equal((5L, 0, false), (dropped.BodyLength, dropped.Body.Length, dropped.IsBodyKept));
    }

    [Fact]
    public async Task A_large_answer_is_read_to_its_end_and_dropped()
    {
        _answer = async (_, http) =>
        {
            var chunk = new byte[1024 * 1024];
            for (var i = 0; i < 50; i++)
            {
                await http.Response.Body.WriteAsync(chunk);
            }
        };

        var outcome = await _invoker.InvokeAsync(Call with { KeepBytes = 1024 }, CancellationToken.None);

        Assert.Equal(OutcomeKind.Succeeded, outcome.Kind);
        Assert.Equal(50L * 1024 * 1024, outcome.BodyLength);
        Assert.True(outcome.Body.IsEmpty);
    }

    [Theory]
    [InlineData(200, OutcomeKind.Succeeded)]
    [InlineData(204, OutcomeKind.Succeeded)]
    [InlineData(302, OutcomeKind.Succeeded)]
    [InlineData(400, OutcomeKind.Failed)]
    [InlineData(503, OutcomeKind.Failed)]
    public async Task A_status_below_400_is_success_and_redirects_are_not_followed(int status, OutcomeKind kind)
    {
        _answer = (_, http) =>
        {
            http.Response.StatusCode = status;
            http.Response.Headers.Location = "/elsewhere";
            http.Response.Headers["X-Start-Time"] = "1760000000000000000";
            return Task.CompletedTask;
        };

        var outcome = await _invoker.InvokeAsync(Call, CancellationToken.None);

        Assert.Equal((kind, status), (outcome.Kind, outcome.Status));
        Assert.Single(_server.Requests);
    }

    // Such as of an ingress that wants https, or a proxy that wants a login: no function has run.
    [Theory]
    [InlineData(300)]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(303)]
    [InlineData(304)]
    [InlineData(307)]
    [InlineData(308)]
    public async Task A_redirect_without_a_gateways_mark_is_no_answer_of_a_function(int status)
    {
        _answer = (_, http) =>
        {
            http.Response.StatusCode = status;
            http.Response.Headers.Location = "https://elsewhere.example.com/";
            http.Response.Headers["X-Served-By"] = "proxy-1";
            return Task.CompletedTask;
        };

        var outcome = await _invoker.InvokeAsync(Call, CancellationToken.None);

        Assert.Equal((OutcomeKind.Unreachable, 503), (outcome.Kind, outcome.Status));
        Assert.True(outcome is { IsOutOfReach: true, WasNeverSent: true, IsUnseen: true, IsNotRun: true });
        Assert.Contains($"{status}", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("gateway_url", outcome.Error, StringComparison.Ordinal);
        Assert.Single(_server.Requests);
    }

    [Theory]
    [InlineData("X-Start-Time")]
    [InlineData("X-Call-Id")]
    [InlineData("X-Duration-Seconds")]
    public async Task A_functions_own_redirect_has_a_mark_of_its_gateway_or_watchdog(string mark)
    {
        _answer = (_, http) =>
        {
            http.Response.StatusCode = 302;
            http.Response.Headers[mark] = "1";
            return Task.CompletedTask;
        };

        Assert.Equal(OutcomeKind.Succeeded, (await _invoker.InvokeAsync(Call, CancellationToken.None)).Kind);
    }

    [Fact]
    public async Task A_function_that_is_called_where_it_is_redirects_without_marks()
    {
        _answer = (_, http) =>
        {
            http.Response.StatusCode = 302;
            return Task.CompletedTask;
        };
        using var invoker = new Invoker(_ => _server.Url.AbsoluteUri, "test", TimeProvider.System);

        Assert.Equal(OutcomeKind.Succeeded, (await invoker.InvokeAsync(Call, CancellationToken.None)).Kind);
    }

    [Fact]
    public async Task Retry_after_and_errors_of_the_system_are_told()
    {
        _answer = (request, http) =>
        {
            http.Response.StatusCode = 503;
            http.Response.Headers["X-OpenFaaS-Internal"] = "gateway";
            http.Response.Headers.RetryAfter = request.Query == "date" ? TimeProvider.System.GetUtcNow().AddHours(1).ToString("R") : request.Query == "past" ? "Thu, 01 Jan 1970 00:00:00 GMT" : request.Query;
            return Task.CompletedTask;
        };

        Assert.Equal(TimeSpan.FromSeconds(7), (await _invoker.InvokeAsync(Call with { Query = "7" }, CancellationToken.None)).RetryAfter);
        Assert.Equal(TimeSpan.Zero, (await _invoker.InvokeAsync(Call with { Query = "past" }, CancellationToken.None)).RetryAfter);
        Assert.Null((await _invoker.InvokeAsync(Call with { Query = "soon" }, CancellationToken.None)).RetryAfter);
        var dated = await _invoker.InvokeAsync(Call with { Query = "date" }, CancellationToken.None);
        Assert.InRange(dated.RetryAfter!.Value, TimeSpan.FromMinutes(50), TimeSpan.FromMinutes(61));
        Assert.Equal("gateway", dated.InternalSource);
    }

    [Fact]
    public async Task No_whole_answer_in_time_is_a_timeout_even_after_its_headers()
    {
        _answer = async (_, http) =>
        {
            await http.Response.Body.WriteAsync("part"u8.ToArray());
            await http.Response.Body.FlushAsync();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted);
        };

        var outcome = await _invoker.InvokeAsync(Call with { Timeout = TimeSpan.FromMilliseconds(300) }, CancellationToken.None);

        Assert.Equal((OutcomeKind.TimedOut, 504), (outcome.Kind, outcome.Status));
        await Eventually.HoldsAsync(() => _server.Running == 0, "the connection is closed");
    }

    [Fact]
    public async Task Giving_up_closes_the_connection()
    {
        _answer = (_, http) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted);
        using var abort = new CancellationTokenSource();
        var call = _invoker.InvokeAsync(Call, abort.Token);
        await _server.ReceivesAsync(1);

        await abort.CancelAsync();

        Assert.Equal(OutcomeKind.Aborted, (await call).Kind);
        await Eventually.HoldsAsync(() => _server.Running == 0, "the connection is closed");
    }

    [Fact]
    public async Task A_gateway_that_is_away_is_unreachable()
    {
        await _server.StopAsync();

        var outcome = await _invoker.InvokeAsync(Call, CancellationToken.None);

        Assert.Equal((OutcomeKind.Unreachable, 503), (outcome.Kind, outcome.Status));
        Assert.NotEmpty(outcome.Error!);
        Assert.True(outcome.WasNeverSent);
    }

    [Fact]
    public async Task A_name_that_nobody_knows_and_a_connection_that_cannot_be_secured_have_had_nothing_sent()
    {
        var dialer = new Dialer(TimeProvider.System) { LookUpAsync = (_, _) => Task.FromException<IPAddress[]>(new SocketException((int)SocketError.HostNotFound)) };
        using var nowhere = new Invoker(new Uri("http://gateway.invalid/"), "test", TimeProvider.System, HttpConnections.Create(dialer));
        using var unsecured = new Invoker(new Uri($"https://127.0.0.1:{_server.Port}/"), "test", TimeProvider.System);

        foreach (var invoker in new[] { nowhere, unsecured })
        {
            var outcome = await invoker.InvokeAsync(Call, CancellationToken.None);

            Assert.Equal((OutcomeKind.Unreachable, true), (outcome.Kind, outcome.WasNeverSent));
        }

        Assert.Empty(_server.Requests);
    }

    [Fact]
    public async Task A_connection_that_breaks_in_the_answer_is_unreachable()
    {
        _answer = async (_, http) =>
        {
            http.Response.ContentLength = 100;
            await http.Response.Body.WriteAsync("part"u8.ToArray());
            await http.Response.Body.FlushAsync();
            http.Abort();
        };

        Assert.Equal(OutcomeKind.Unreachable, (await _invoker.InvokeAsync(Call, CancellationToken.None)).Kind);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", true)]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n", true)]
    [InlineData("HTTP/1.1 200 OK\r\nno header at all\r\n\r\n", true)]
    [InlineData("HTTP/1.1 101 Switching Protocols\r\n\r\n", true)]
    [InlineData("no HTTP at all\r\n\r\n", true)]
    [InlineData("", false)]
    public async Task An_answer_that_broke_off_is_told_from_none(string answer, bool hasBegun)
    {
        await using var server = RawServer.Start(_ => new RawAnswer(answer, After.Close));
        using var invoker = new Invoker(server.Url, "test", TimeProvider.System);

        var outcome = await invoker.InvokeAsync(Call, CancellationToken.None);

        Assert.Equal((OutcomeKind.Unreachable, hasBegun), (outcome.Kind, outcome.HasAnswerBegun));
        Assert.False(outcome.WasNeverSent);
    }

    [Fact]
    public async Task Headers_that_are_too_many_to_read_are_an_answer_all_the_same()
    {
        var many = string.Concat(Enumerable.Range(0, 2_000).Select(i => $"X-{i}: {new string('x', 1_000)}\r\n"));
        await using var server = RawServer.Start(_ => new RawAnswer($"HTTP/1.1 200 OK\r\n{many}\r\n"));
        using var invoker = new Invoker(server.Url, "test", TimeProvider.System);

        var outcome = await invoker.InvokeAsync(Call, CancellationToken.None);

        Assert.Equal((OutcomeKind.Unreachable, true), (outcome.Kind, outcome.HasAnswerBegun));
    }

    private sealed class Answering : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK));
    }
}
