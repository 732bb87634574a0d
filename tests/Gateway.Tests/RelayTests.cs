using System.Text.RegularExpressions;
using Connectors.Testing;

namespace Connectors.Gateway.Tests;

/// <summary>A gateway in front of a server that answers byte by byte as the test says; it plays a remote provider.</summary>
public sealed class RawProviderFixture : IAsyncLifetime
{
    public RawServer Server { get; private set; } = null!;

    public TestGateway Gateway { get; private set; } = null!;

    /// <summary>What a call gets.</summary>
    public Func<RawRequest, Task> Answer { get; set; } = _ => Task.CompletedTask;

    public async ValueTask InitializeAsync()
    {
        Server = RawServer.Start(async request =>
        {
            if (request.Head.Contains(" /system/", StringComparison.Ordinal))
            {
                await request.SendAsync("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]");
                return;
            }

            await Answer(request);
        });
        Gateway = await TestGateway.StartAsync(null, ("functions_provider_url", Server.Url.AbsoluteUri), ("basic_auth", "true"));
    }

    /// <summary>Answers every call with these bytes after reading its body, and leaves the connection open.</summary>
    public void AnswerWith(string bytes) => Answer = async request =>
    {
        await request.ReadBodyAsync();
        await request.SendAsync(bytes);
    };

    public async ValueTask DisposeAsync()
    {
        await Gateway.DisposeAsync();
        await Server.DisposeAsync();
    }
}

public sealed partial class RelayTests(RawProviderFixture fixture) : IClassFixture<RawProviderFixture>
{
    private readonly TestGateway _gateway = fixture.Gateway;

    [Theory]
    [InlineData("POST")]
    [InlineData("PATCH")]
    [InlineData("PUT")]
    [InlineData("DELETE")]
    public async Task What_may_not_be_repeated_is_sent_once_over_a_connection_that_is_closed_under_it(string method)
    {
        DropTheSecond();
        var path = $"/function/once-{method.ToLowerInvariant()}";
        await AskAsync($"{method} {path}");

        var second = await AskAsync($"{method} {path}");

        Assert.StartsWith("HTTP/1.1 502", second, StringComparison.Ordinal);
        Assert.Equal(2, fixture.Server.Heads.Count(head => head.StartsWith($"{method} {path} ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_GET_is_sent_again_over_a_connection_that_still_stands()
    {
        DropTheSecond();
        await AskAsync("GET /function/again");

        var second = await AskAsync("GET /function/again");

        Assert.StartsWith("HTTP/1.1 200", second, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_large_body_that_is_refused_at_once_gets_that_answer()
    {
        fixture.Answer = async request =>
        {
            // Whatever is unread makes the close a reset.
            await request.SendAsync("HTTP/1.1 413 Too Large\r\nX-Limit: 5\r\nContent-Length: 8\r\nConnection: close\r\n\r\nToo big.");
            request.Close();
        };
        // A client that meets the close while it sends may give up without a look at the answer that lies ready.
        using var answer = await Eventually.GetAsync(
            async () =>
            {
                try
                {
                    return await _gateway.SendAsync(HttpMethod.Post, "/function/refuses", new byte[20_000_000]);
                }
                catch (HttpRequestException)
                {
                    return null;
                }
            },
            "the answer comes");

        Assert.Equal(413, (int)answer.StatusCode);
        Assert.Equal("Too big.", await answer.Content.ReadAsStringAsync());
        Assert.Equal("5", answer.Headers.GetValues("X-Limit").Single());
    }

    [Fact]
    public async Task An_answer_is_passed_on_while_the_request_is_still_sent()
    {
        fixture.Answer = async request =>
        {
            await request.SendAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
            Assert.EndsWith("4\r\nlast\r\n0\r\n\r\n", await request.ReadBodyAsync(), StringComparison.Ordinal);
            await request.SendAsync("6\r\nsecond\r\n0\r\n\r\n");
        };
        using var raw = await RawHttp.ConnectAsync(_gateway.Api);
        await raw.SendAsync("POST /function/duplex HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");

        await raw.ReadUntilAsync("first");
        await raw.SendAsync("4\r\nlast\r\n0\r\n\r\n");

        await raw.ReadUntilAsync("second");
    }

    [Theory]
    [InlineData("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 204, "")]
    [InlineData("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", 204, "")]
    [InlineData("HTTP/1.1 205 Reset\r\nContent-Length: 5\r\n\r\nhello", 205, "")]
    [InlineData("HTTP/1.1 205 Reset\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 205, "")]
    [InlineData("HTTP/1.1 205 Reset\r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n5\r\nhello\r\n0\r\nX-End: 1\r\n\r\n", 205, "")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, "")]
    [InlineData("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: \"x\"\r\n\r\n", 304, "")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 200, "hi")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi", 200, "hi")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nhi", 200, "hi")]
    [InlineData("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, "hi")]
    [InlineData("HTTP/1.1 200\nContent-Length: 2\nX-Folded: a\n b\n\nhi", 200, "hi")]
    [InlineData("HTTP/1.1 200 OK\r\nX-Odd : a\0b\u0001c\r\nContent-Length: 2\r\n\r\nhi", 200, "hi")]
    [InlineData("HTTP/1.1 999 Own\r\nContent-Length: 2\r\n\r\nhi", 999, "hi")]
    public async Task What_a_proxy_can_mend_is_passed_on(string answer, int status, string body)
    {
        fixture.AnswerWith(answer);

        var got = await AskAsync("POST /function/odd");

        Assert.StartsWith($"HTTP/1.1 {status} ", got, StringComparison.Ordinal);
        Assert.Equal(body, Body(got));
        Assert.True(status is not (204 or 205) || !got.Contains("Content-Length: 5", StringComparison.Ordinal), got);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!", "Content-Length")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nhi", "Content-Length")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nhi", "Content-Length")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "Transfer-Encoding")]
    [InlineData("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "protocol")]
    [InlineData("HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n", "status")]
    [InlineData("HTTP/1.1 20 Odd\r\nContent-Length: 0\r\n\r\n", "status")]
    [InlineData("HTTP/2 200\r\n\r\n", "HTTP/1")]
    [InlineData("hello\r\n\r\n", "HTTP/1")]
    [InlineData("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "header line")]
    [InlineData("HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n", "header line")]
    public async Task What_cannot_be_passed_on_is_502_with_call_id_reason_and_log_line(string answer, string reason)
    {
        fixture.AnswerWith(answer);
        var id = Guid.NewGuid().ToString();

        var got = await AskAsync("POST /function/garbled", $"X-Call-Id: {id}\n");

        Assert.StartsWith("HTTP/1.1 502 ", got, StringComparison.Ordinal);
        Assert.Contains($"X-Call-Id: {id}\r\n", got, StringComparison.Ordinal);
        Assert.Contains(reason, Body(got), StringComparison.Ordinal);
        await IsToldAsync(id, reason);
    }

    [Fact]
    public async Task Headers_over_their_limit_are_502()
    {
        fixture.Answer = async request =>
        {
            await request.ReadBodyAsync();
            await request.SendAsync("HTTP/1.1 200 OK\r\n");
            for (var i = 0; i < 40; i++)
            {
                await request.SendAsync($"X-Filler: {new string('x', 4000)}\r\n");
            }

            await request.SendAsync("Content-Length: 0\r\n\r\n");
        };

        var got = await AskAsync("POST /function/wordy");

        Assert.StartsWith("HTTP/1.1 502 ", got, StringComparison.Ordinal);
        Assert.Contains("128 KiB", Body(got), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a:\r\n")]
    [InlineData(" a\r\n")]
    public async Task More_header_lines_than_a_thousand_are_502(string line)
    {
        fixture.AnswerWith($"HTTP/1.1 200 OK\r\nX-First: 1\r\n{string.Concat(Enumerable.Repeat(line, 25_000))}Content-Length: 0\r\n\r\n");

        var got = await AskAsync("POST /function/lines");

        Assert.StartsWith("HTTP/1.1 502 ", got, StringComparison.Ordinal);
        Assert.Contains("more than 1000 header lines", Body(got), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_thousand_header_lines_are_passed_on_both_ways_as_they_are()
    {
        string[] lines = [.. Enumerable.Range(0, 997).Select(i => $"X-Many: {i}")];
        fixture.AnswerWith($"HTTP/1.1 200 OK\r\n{string.Join("\r\n", lines)}\r\nX-Folded: a\r\n b\r\nContent-Length: 0\r\n\r\n");

        // Host, Connection and Content-Length come to them.
        var got = await AskAsync("POST /function/many", string.Join('\n', lines) + "\n");
        var head = fixture.Server.Heads.Last(h => h.StartsWith("POST /function/many ", StringComparison.Ordinal));

        Assert.StartsWith("HTTP/1.1 200 ", got, StringComparison.Ordinal);
        Assert.Equal(lines, Many(got));
        Assert.Contains("X-Folded: a b\r\n", got, StringComparison.Ordinal);
        Assert.Equal(lines, Many(head));

        static IEnumerable<string> Many(string text) => text.Split("\r\n").Where(line => line.StartsWith("X-Many: ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("Trailer: a\r\n", false)]
    public async Task More_trailers_than_a_thousand_are_dropped_and_cut_the_answer_that_announced_them(string announced, bool isWhole)
    {
        fixture.AnswerWith($"HTTP/1.1 200 OK\r\n{announced}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n{string.Concat(Enumerable.Repeat("a:\r\n", 1001))}\r\n");

        var got = await AskAsync("POST /function/trailing");

        Assert.Equal(isWhole, got.EndsWith("\r\n0\r\n\r\n", StringComparison.Ordinal));
        Assert.DoesNotContain("\r\na:", got, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/function/odd/a\tb?c\rd\te\vf", "/function/odd/a%09b?c%0Dd%09e%0Bf")]
    [InlineData("/system/namespaces?a\rb\tc", "/system/namespaces?a%0Db%09c")]
    [InlineData("/healthz?a\rb\tc", "/healthz?a%0Db%09c")]
    public async Task Control_characters_of_an_address_go_on_percent_encoded(string given, string passedOn)
    {
        fixture.AnswerWith("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        using var raw = await RawHttp.ConnectAsync(_gateway.Api);
        await raw.SendAsync($"GET {given} HTTP/1.1\r\nHost: x\r\nAuthorization: {TestGateway.Admin}\r\nConnection: close\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 200 ", await raw.ReadToEndAsync(), StringComparison.Ordinal);
        Assert.Contains(fixture.Server.Heads, head => head.StartsWith($"GET {passedOn} HTTP/1.1\r\n", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhixx0\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n2\r\nhi\r\n0\r\nno colon\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi")]
    public async Task A_body_that_breaks_off_is_cut_not_ended(string answer)
    {
        fixture.Answer = async request =>
        {
            await request.ReadBodyAsync();
            await request.SendAsync(answer);
            request.Close();
        };
        var id = Guid.NewGuid().ToString();

        var got = await AskAsync("POST /function/half", $"X-Call-Id: {id}\n");

        Assert.DoesNotContain("\r\n0\r\n\r\n", got, StringComparison.Ordinal);
        await IsToldAsync(id, "broke off");
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\n\r\nhi")]
    public async Task A_body_that_goes_on_beyond_the_calls_limit_is_cut_and_told_why(string begun)
    {
        fixture.AnswerWith(begun);
        var id = Guid.NewGuid().ToString();

        var got = await AskAsync("POST /function/endless", $"X-Call-Id: {id}\nX-Timeout: 3s\n");

        Assert.Contains("hi", got, StringComparison.Ordinal);
        Assert.DoesNotContain("\r\n0\r\n\r\n", got, StringComparison.Ordinal);
        await IsToldAsync(id, "not whole within the call's time limit");
    }

    [Fact]
    public async Task A_server_that_is_reset_before_it_answers_is_502_and_told()
    {
        fixture.Answer = async request =>
        {
            await request.ReadBodyAsync();
            request.Reset();
        };
        var id = Guid.NewGuid().ToString();

        var got = await AskAsync("POST /function/reset", $"X-Call-Id: {id}\n");

        Assert.StartsWith("HTTP/1.1 502 ", got, StringComparison.Ordinal);
        await IsToldAsync(id, "ended before the answer");
    }

    // What is not flushed waits for the caller's next request, or for the 130 s after which a silent connection is closed.
    [Theory]
    [InlineData("length")]
    [InlineData("chunked")]
    [InlineData("trailers")]
    [InlineData("closed")]
    public async Task The_end_of_an_answer_comes_though_its_connection_stays(string framing)
    {
        var random = new Random(framing.Length);
        var sizes = new[] { 1, 16 * 1024, 64 * 1024, 80 * 1024, 128 * 1024 }.SelectMany(size => new[] { size - 1, size, size + 1 })
            .Concat(Enumerable.Range(0, 40).Select(_ => random.Next(1, 400_000))).ToList();
        fixture.Answer = request =>
        {
            var body = new string('x', int.Parse(request.Head.Split(' ')[1].Split('/')[^1], System.Globalization.CultureInfo.InvariantCulture));
            return framing switch
            {
                "length" => request.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {body.Length}\r\n\r\n{body}"),
                "chunked" => request.SendAsync($"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{Chunk(body)}0\r\n\r\n"),
                "trailers" => request.SendAsync($"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n{Chunk(body)}0\r\nX-End: yes\r\n\r\n"),
                _ => EndAsync(request, $"HTTP/1.1 200 OK\r\n\r\n{body}"),
            };
        };
        using var http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 1 }) { Timeout = TimeSpan.FromSeconds(60) };

        foreach (var size in sizes)
        {
            Assert.Equal(size, (await http.GetByteArrayAsync(new Uri(_gateway.Api, $"/function/sized/{size}"))).Length);
        }

        static string Chunk(string body) => body.Length == 0 ? "" : $"{body.Length:x}\r\n{body}\r\n";

        static async Task EndAsync(RawRequest request, string answer)
        {
            await request.SendAsync(answer);
            request.Close();
        }
    }

    // Go's servers send some that they announce nowhere.
    [Theory]
    [InlineData("Trailer: X-Sum\r\n", "Trailer: X-Check\r\n")]
    [InlineData("", "")]
    public async Task Trailers_travel_both_ways_announced_or_not(string toFunction, string toCaller)
    {
        string? sent = null;
        fixture.Answer = async request =>
        {
            sent = await request.ReadUntilAsync("X-Sum: 7\r\n\r\n");
            await request.SendAsync(
                $"HTTP/1.1 200 OK\r\n{toCaller}Connection: X-Hop\r\nTransfer-Encoding: chunked\r\n\r\n2;ext=1\r\nhi\r\n0\r\nX-Hop: 1\r\nX-Check: 42\r\nContent-Length: 1\r\n\r\n");
        };
        using var raw = await RawHttp.ConnectAsync(_gateway.Api);
        await raw.SendAsync($"POST /function/trailers HTTP/1.1\r\nHost: x\r\nTE: trailers\r\n{toFunction}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n");

        var got = await raw.ReadUntilAsync("X-Check: 42\r\n\r\n").WaitAsync(Eventually.Patience);

        Assert.Contains(toCaller, got, StringComparison.Ordinal);
        Assert.Equal(toCaller.Length > 0, got.Contains("\r\nTrailer: ", StringComparison.Ordinal));
        Assert.EndsWith("2\r\nhi\r\n0\r\nX-Check: 42\r\n\r\n", got, StringComparison.Ordinal);
        Assert.EndsWith("0\r\nX-Sum: 7\r\n\r\n", sent, StringComparison.Ordinal);
        var head = fixture.Server.Heads.Last(h => h.StartsWith("POST /function/trailers", StringComparison.Ordinal));
        Assert.Contains("TE: trailers\r\n", head, StringComparison.Ordinal);
        Assert.Contains(toFunction, head, StringComparison.Ordinal);
        Assert.Equal(toFunction.Length > 0, head.Contains("\r\nTrailer: ", StringComparison.Ordinal));
    }

    // Nobody waits for what was not announced.
    [Theory]
    [InlineData("no colon\r\n")]
    [InlineData("bad name: x\r\n")]
    [InlineData(" folded\r\n")]
    [InlineData("X-Check: 42\r\n: nameless\r\n")]
    public async Task Trailers_that_cannot_be_read_and_were_not_announced_break_no_answer(string trailers)
    {
        fixture.AnswerWith($"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n{trailers}\r\n");

        var got = await AskAsync("POST /function/garbled");

        Assert.StartsWith("HTTP/1.1 200 ", got, StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\n2\r\nhi\r\n0\r\n\r\n", got, StringComparison.Ordinal);
    }

    // Verbs know their case: this one is of somebody's own, and its answer has a body.
    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, "hi")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 200, "hi")]
    [InlineData("no HTTP\r\n\r\n", 502, "The function's answer cannot be passed on: it does not begin as an HTTP/1 answer does.")]
    public async Task A_verb_that_is_HEAD_but_for_its_case_is_answered_with_a_body(string answer, int status, string body)
    {
        fixture.AnswerWith(answer);

        var got = await AskAsync("head /function/lower");

        Assert.StartsWith($"HTTP/1.1 {status} ", got, StringComparison.Ordinal);
        Assert.Equal(body, Body(got));
    }

    [Fact]
    public async Task Headers_named_by_Connection_stay_behind_both_ways()
    {
        // AskAsync says Connection: close beside it.
        fixture.AnswerWith("HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nX-Stays: 1\r\nContent-Length: 0\r\n\r\n");

        var got = await AskAsync("POST /function/hops", "Connection: X-Mine, X-Call-Id, X-Forwarded-For\nX-Mine: 1\nX-Kept: 1\nX-Forwarded-For: forged\nX-Call-Id: mine\n");
        var head = fixture.Server.Heads.Last(h => h.StartsWith("POST /function/hops", StringComparison.Ordinal));

        Assert.DoesNotContain("X-Mine", head, StringComparison.Ordinal);
        Assert.Contains("X-Kept: 1\r\n", head, StringComparison.Ordinal);
        Assert.Contains("X-Forwarded-For: 127.0.0.1:", head, StringComparison.Ordinal);
        Assert.Matches("X-Call-Id: [0-9a-f-]{36}\r\n", head);
        Assert.DoesNotContain("X-Hop", got, StringComparison.Ordinal);
        Assert.Contains("X-Stays: 1\r\n", got, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_connection_that_said_more_than_its_answer_is_not_used_again()
    {
        fixture.AnswerWith("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged");
        await AskAsync("POST /function/more");

        var second = await AskAsync("POST /function/more");

        Assert.Equal("hi", Body(second));
    }

    [Fact]
    public async Task A_whole_address_as_target_names_the_host()
    {
        fixture.AnswerWith("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");

        var got = await RawHttp.AskAsync(_gateway.Api, "POST http://named.test/function/absolute?q HTTP/1.1\nHost: other.test\n");
        var head = fixture.Server.Heads.Last(h => h.StartsWith("POST /function/absolute?q ", StringComparison.Ordinal));

        Assert.StartsWith("HTTP/1.1 200", got, StringComparison.Ordinal);
        Assert.Contains("X-Forwarded-Host: named.test\r\n", head, StringComparison.Ordinal);
    }

    // It is read, and may have had its effect, before the connection is closed.
    private void DropTheSecond()
    {
        var requests = 0;
        fixture.Answer = async request =>
        {
            await request.ReadBodyAsync();
            if (Interlocked.Increment(ref requests) == 2)
            {
                request.Close();
                return;
            }

            await request.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        };
    }

    private Task<string> AskAsync(string request, string headers = "") => RawHttp.AskAsync(_gateway.Api, $"{request} HTTP/1.1\nHost: x\n{headers}");

    private Task<string> IsToldAsync(string callId, string error) => _gateway.Process.Process.LineAsync(
        line => line.Contains("Error answered", StringComparison.Ordinal) && line.Contains(callId, StringComparison.Ordinal) && line.Contains(error, StringComparison.Ordinal)
            && line.Contains("\"answer\":\"", StringComparison.Ordinal) && line.Contains("\"error\":\"", StringComparison.Ordinal),
        $"a log line with {callId} and {error}");

    // Chunks joined.
    private static string Body(string answer)
    {
        var body = answer[(answer.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..];
        return answer.Contains("Transfer-Encoding: chunked", StringComparison.Ordinal) ? string.Concat(Chunk().Matches(body).Select(m => m.Groups[1].Value)) : body;
    }

    [GeneratedRegex("(?<=^|\r\n)[0-9a-f]+\r\n((?:.|\n)+?)\r\n")]
    private static partial Regex Chunk();
}
