using System.Net;
using System.Text;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.Gateway.Tests;

/// <summary>A gateway in front of a server that plays a remote provider and writes down what it gets.</summary>
public sealed class RelayFixture : IAsyncLifetime
{
    public HttpLedger Provider { get; private set; } = null!;

    public TestGateway Gateway { get; private set; } = null!;

    public Func<RecordedRequest, HttpContextAnswer> Answer { get; set; } = _ => new HttpContextAnswer(200);

    /// <summary>The gateway, with a provider that answers 200 again.</summary>
    public TestGateway Reset()
    {
        Answer = _ => new HttpContextAnswer(200);
        return Gateway;
    }

    public async ValueTask InitializeAsync()
    {
        Provider = await HttpLedger.StartAsync(async (request, http) =>
        {
            if (request.Path.StartsWith("/system/", StringComparison.Ordinal))
            {
                http.Response.ContentType = "application/json";
                await http.Response.WriteAsync(request.Path == "/system/namespaces" ? """["openfaas-fn"]""" : "[]");
                return;
            }

            await Answer(request).WriteAsync(http);
        });
        Gateway = await TestGateway.StartAsync(
            null, ("functions_provider_url", Provider.Url.AbsoluteUri), ("basic_auth", "true"), ("upstream_timeout", "30s"), ("max_upstream_timeout", "1m"));
    }

    public async ValueTask DisposeAsync()
    {
        await Gateway.DisposeAsync();
        await Provider.DisposeAsync();
    }
}

public sealed class InvokeTests(RelayFixture fixture) : IClassFixture<RelayFixture>
{
    private readonly TestGateway _gateway = fixture.Reset();

    [Fact]
    public async Task A_call_leaves_a_line_in_the_log_that_tells_how_long_it_took()
    {
        var id = Guid.NewGuid().ToString();
        using var answer = await _gateway.SendAsync(HttpMethod.Get, "/function/told", null, ("X-Call-Id", id));

        await _gateway.Process.Process.LineAsync(
            line => line.Contains("Called", StringComparison.Ordinal) && line.Contains(id, StringComparison.Ordinal) && line.Contains("\"status\":200,\"duration\":", StringComparison.Ordinal), "it is told");
    }

    [Fact]
    public async Task Path_query_verb_body_and_repeated_headers_arrive_as_sent()
    {
        var answer = await RawHttp.AskAsync(
            _gateway.Api,
            "PATCH /function/f.ns/a%2Fb//%7Ec;p?x=%20&y HTTP/1.1\nHost: gw.test\nX-Twice: one\nX-Twice: two, three\nX-Odd: caf\u00e9\nCookie: a=1\nContent-Type: text/x\nUser-Agent: me\n",
            "\0\u00ff!");
        var got = Last("/function/f.ns/");

        Assert.StartsWith("HTTP/1.1 200", answer, StringComparison.Ordinal);
        Assert.Equal("PATCH", got.Method);
        Assert.Equal("/function/f.ns/a%2Fb//%7Ec;p", got.Path);
        Assert.Equal("x=%20&y", got.Query);
        Assert.Equal(["one", "two, three"], got.HeaderValues("X-Twice"));
        Assert.Equal("caf\u00e9", got.Header("X-Odd"));
        Assert.Equal("me", got.Header("User-Agent"));
        Assert.Equal("text/x", got.Header("Content-Type"));
        Assert.Equal([0, 0xff, (byte)'!'], got.Body);
    }

    [Fact]
    public async Task The_gateway_says_who_called_and_when()
    {
        var answer = await RawHttp.AskAsync(_gateway.Api, "POST /function/stamped HTTP/1.1\nHost: gw.test\nX-Start-Time: 17\nTE: trailers\nProxy-Authorization: x\nKeep-Alive: 3\n", "hi");
        var got = Last("/function/stamped");

        Assert.Equal("gw.test", got.Header("X-Forwarded-Host"));
        Assert.StartsWith("127.0.0.1:", got.Header("X-Forwarded-For"), StringComparison.Ordinal);
        Assert.StartsWith("gateway/", got.Header("User-Agent"), StringComparison.Ordinal);
        Assert.True(Guid.TryParse(got.CallId, out _));
        Assert.Contains($"X-Call-Id: {got.CallId}", answer, StringComparison.Ordinal);
        Assert.Equal("17", got.HeaderValues("X-Start-Time")[0]);
        Assert.Equal(2, got.HeaderValues("X-Start-Time").Count);
        Assert.Contains("X-Served-By: ", answer, StringComparison.Ordinal);
        Assert.Equal("trailers", got.Header("TE"));
        Assert.Null(got.Header("Proxy-Authorization"));
        Assert.Null(got.Header("Keep-Alive"));
        Assert.Null(got.Header("Authorization"));
    }

    [Fact]
    public async Task What_the_caller_set_is_kept()
    {
        using var answer = await _gateway.PostAsync(
            "/function/kept", "hi", ("X-Call-Id", "mine"), ("X-Forwarded-Host", "first.test"), ("X-Forwarded-For", "10.1.2.3:4"), ("Authorization", "Bearer own"));
        var got = Last("/function/kept");

        Assert.Equal("mine", got.CallId);
        Assert.Equal("mine", answer.Headers.GetValues("X-Call-Id").Single());
        Assert.Equal(["first.test"], got.HeaderValues("X-Forwarded-Host"));
        Assert.Equal(["10.1.2.3:4"], got.HeaderValues("X-Forwarded-For"));
        Assert.Equal("Bearer own", got.Header("Authorization"));
    }

    [Fact]
    public async Task Status_headers_and_body_come_back_as_answered()
    {
        fixture.Answer = _ => new HttpContextAnswer(418, "tea", ("X-Start-Time", "99"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Odd", "caf\u00e9"), ("Location", "/elsewhere"));

        var answer = await RawHttp.AskAsync(_gateway.Api, "GET /function/answers HTTP/1.1\nHost: x\n");

        Assert.StartsWith("HTTP/1.1 418", answer, StringComparison.Ordinal);
        Assert.Contains("\r\ntea\r\n", answer, StringComparison.Ordinal);
        Assert.Contains("Set-Cookie: a=1\r\n", answer, StringComparison.Ordinal);
        Assert.Contains("Set-Cookie: b=2\r\n", answer, StringComparison.Ordinal);
        Assert.Contains("X-Odd: caf\u00e9\r\n", answer, StringComparison.Ordinal);
        Assert.Contains("X-Start-Time: 99\r\n", answer, StringComparison.Ordinal);
        Assert.Contains("Location: /elsewhere\r\n", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_call_id_that_no_header_can_hold_is_replaced()
    {
        var answer = await RawHttp.AskAsync(_gateway.Api, "POST /function/badid HTTP/1.1\nHost: x\nX-Call-Id: a\u0001b\n", "hi");

        Assert.StartsWith("HTTP/1.1 200", answer, StringComparison.Ordinal);
        Assert.True(Guid.TryParse(Last("/function/badid").CallId, out _));
    }

    private Task<TestGateway> ImpatientAsync() => TestGateway.StartAsync(
        null, ("functions_provider_url", fixture.Provider.Url.AbsoluteUri), ("basic_auth", "true"), ("upstream_timeout", "500ms"), ("max_upstream_timeout", "1m"));

    [Fact]
    public async Task A_function_slower_than_the_limit_is_502_and_says_so()
    {
        await using var gateway = await ImpatientAsync();
        fixture.Answer = _ => HttpContextAnswer.Never;

        using var answer = await gateway.PostAsync("/function/slow", "hi");

        Assert.Equal(HttpStatusCode.BadGateway, answer.StatusCode);
        Assert.Equal("slow.openfaas-fn did not answer within 500ms.", await answer.Content.ReadAsStringAsync());
        Assert.True(answer.Headers.Contains("X-Call-Id"));
    }

    [Fact]
    public async Task An_IPv6_caller_stands_in_brackets()
    {
        await using var gateway = await TestGateway.StartAsync(null, ("functions_provider_url", fixture.Provider.Url.AbsoluteUri), ("basic_auth", "true"), ("bind_address", "::1"));

        using var answer = await gateway.PostAsync("/function/six", "hi");

        Assert.StartsWith("[::1]:", Last("/function/six").Header("X-Forwarded-For"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_both_families_an_IPv4_caller_stands_as_itself()
    {
        await using var gateway = await TestGateway.StartAsync(null, ("functions_provider_url", fixture.Provider.Url.AbsoluteUri), ("basic_auth", "true"), ("bind_address", "*"));
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://127.0.0.1:{gateway.Api.Port}/function/four") { Content = new StringContent("hi") };

        using var answer = await gateway.Http.SendAsync(request);

        Assert.StartsWith("127.0.0.1:", Last("/function/four").Header("X-Forwarded-For"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task X_Timeout_takes_the_limits_place()
    {
        await using var gateway = await ImpatientAsync();
        var time = TimeProvider.System;
        fixture.Answer = _ => new HttpContextAnswer(200, "late") { Before = () => Task.Delay(TimeSpan.FromSeconds(1), time) };

        using var patient = await gateway.PostAsync("/function/patient", "hi", ("X-Timeout", "30s"));

        Assert.Equal("late", await patient.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData("61s", "1m")]
    [InlineData("1m", null)]
    [InlineData("soon", null)]
    [InlineData(null, null)]
    public async Task A_caller_who_asks_for_more_time_than_there_is_hears_what_it_has(string? asked, string? granted)
    {
        (string, string)[] headers = asked is null ? [] : [("X-Timeout", asked)];

        using var answer = await _gateway.PostAsync("/function/granted", "hi", headers);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(granted, answer.Headers.TryGetValues("X-Granted-Timeout", out var told) ? told.Single() : null);
    }

    [Fact]
    public async Task A_call_that_was_cut_before_the_time_that_its_caller_asked_for_says_so()
    {
        await using var gateway = await TestGateway.StartAsync(
            null, ("functions_provider_url", fixture.Provider.Url.AbsoluteUri), ("basic_auth", "true"), ("upstream_timeout", "500ms"), ("max_upstream_timeout", "500ms"));
        fixture.Answer = _ => HttpContextAnswer.Never;

        using var answer = await gateway.PostAsync("/function/cut", "hi", ("X-Timeout", "1h"));

        Assert.Equal(HttpStatusCode.BadGateway, answer.StatusCode);
        Assert.Equal(["500ms"], answer.Headers.GetValues("X-Granted-Timeout"));
    }

    [Fact]
    public async Task An_answer_that_breaks_off_is_cut_not_ended()
    {
        using var seen = new SemaphoreSlim(0);
        fixture.Answer = _ => new HttpContextAnswer(200, "half")
        {
            After = async http =>
            {
                await seen.WaitAsync(http.RequestAborted);
                http.Abort();
            },
        };
        using var raw = await RawHttp.ConnectAsync(_gateway.Api);
        await raw.SendAsync("GET /function/half HTTP/1.1\r\nHost: x\r\nX-Timeout: 60s\r\n\r\n");
        await raw.ReadUntilAsync("half");

        seen.Release();

        Assert.DoesNotContain("0\r\n\r\n", await raw.ReadToEndAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task When_the_caller_leaves_the_function_is_told()
    {
        var left = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        fixture.Answer = _ => HttpContextAnswer.Never with { OnAbort = () => left.TrySetResult() };
        using var raw = await RawHttp.ConnectAsync(_gateway.Api);
        await raw.SendAsync("POST /function/left HTTP/1.1\r\nHost: x\r\nX-Timeout: 60s\r\nContent-Length: 2\r\n\r\nhi");
        await fixture.Provider.ReceivesAsync(1, r => r.Path == "/function/left");

        raw.Dispose();

        await left.Task.WaitAsync(Eventually.Patience);
    }

    [Fact]
    public async Task Events_arrive_one_by_one()
    {
        var next = new SemaphoreSlim(0);
        fixture.Answer = _ => new HttpContextAnswer(200, "", ("Content-Type", "text/event-stream"))
        {
            After = http => EventsAsync(http, next),
        };
        using var raw = await RawHttp.ConnectAsync(_gateway.Api);
        await raw.SendAsync("GET /function/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nX-Timeout: 60s\r\n\r\n");

        await raw.ReadUntilAsync("\r\n\r\n");
        for (var i = 0; i < 5; i++)
        {
            next.Release();
            await raw.ReadUntilAsync($"data: {i}");
        }
    }

    [Fact]
    public async Task A_request_streams_while_it_is_sent()
    {
        using var raw = await RawHttp.ConnectAsync(_gateway.Api);
        await raw.SendAsync("POST /function/upload HTTP/1.1\r\nHost: x\r\nX-Timeout: 60s\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        await Eventually.HoldsAsync(() => fixture.Provider.Begun.Contains("/function/upload"), "the provider has the request before its end");

        await raw.SendAsync("6\r\n world\r\n0\r\n\r\n");

        await raw.ReadUntilAsync("HTTP/1.1 200");
        Assert.Equal("hello world", Last("/function/upload").Text);
    }

    [Fact]
    public async Task Expect_is_answered_by_the_gateway()
    {
        using var raw = await RawHttp.ConnectAsync(_gateway.Api);
        await raw.SendAsync("POST /function/expects HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
        await raw.ReadUntilAsync("HTTP/1.1 100 Continue");

        await raw.SendAsync("hi");

        await raw.ReadUntilAsync("HTTP/1.1 200");
        Assert.Null(Last("/function/expects").Header("Expect"));
    }

    [Fact]
    public async Task Connections_are_kept()
    {
        using var raw = await RawHttp.ConnectAsync(_gateway.Api);
        for (var i = 0; i < 3; i++)
        {
            await raw.SendAsync("GET /function/again HTTP/1.1\r\nHost: x\r\n\r\n");
            await raw.ReadUntilAsync("HTTP/1.1 200");
        }
    }

    [Fact]
    public async Task Dot_segments_lead_no_further_than_the_route()
    {
        var system = await RawHttp.AskAsync(_gateway.Api, "GET /function/f/../../system/functions HTTP/1.1\nHost: x\n");
        var encoded = await RawHttp.AskAsync(_gateway.Api, "GET /function/f/%2e%2e/%2e%2e/system/functions HTTP/1.1\nHost: x\n");
        var other = await RawHttp.AskAsync(_gateway.Api, "GET /function/one/../two/x HTTP/1.1\nHost: x\n");

        Assert.StartsWith("HTTP/1.1 401", system, StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 401", encoded, StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 200", other, StringComparison.Ordinal);
        Assert.Equal("/function/two/x", Last("/function/two").Path);
    }

    [Theory]
    [InlineData("/function/")]
    [InlineData("/function/na%20me")]
    [InlineData("/function/na:me")]
    [InlineData("/function/.")]
    [InlineData("/function/name.")]
    public async Task What_is_no_name_is_404(string path)
    {
        var answer = await RawHttp.AskAsync(_gateway.Api, $"GET {path} HTTP/1.1\nHost: x\n");

        Assert.StartsWith("HTTP/1.1 404", answer, StringComparison.Ordinal);
    }

    private RecordedRequest Last(string path) => fixture.Provider.Requests.Last(r => r.Path.StartsWith(path, StringComparison.Ordinal));

    private static async Task EventsAsync(HttpContext http, SemaphoreSlim next)
    {
        for (var i = 0; i < 5; i++)
        {
            await next.WaitAsync(http.RequestAborted);
            await http.Response.Body.WriteAsync(Encoding.ASCII.GetBytes($"data: {i}\n\n"));
            await http.Response.Body.FlushAsync();
        }
    }
}
