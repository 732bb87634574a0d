using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Connectors.Testing;
using CsCheck;

namespace Connectors.Gateway.Tests;

/// <summary>
/// Generated requests and answers, half of them broken: every one gets an answer or a closed connection, each error of the gateway's own says its call id and
/// its reason to the caller and to the log, and a harmless call between any two of them works. <c>GENERATED_CASES</c> sets how many there are; CsCheck prints
/// the seed of one that fails, and takes it as <c>CsCheck_Seed</c>.
/// </summary>
public sealed partial class NastyHttpTests : IAsyncLifetime
{
    private static readonly int Cases = int.Parse(Environment.GetEnvironmentVariable("GENERATED_CASES") ?? "500", CultureInfo.InvariantCulture);

    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(500);

    private static readonly Gen<string> Noise = Gen.OneOf(
        Gen.Char['\0', '\xff'].Array[0, 40].Select(chars => new string(chars)),
        OneOf("", " ", "\r", "\n", "\r\n", "\r\n\r\n", "\0", ":", ",", "%", "%2e", "..", "\t", new string('x', 9000), new string(',', 3000), "\x7f", "\u0085", "\u00fc"));

    private static readonly Gen<string> Number = OneOf("0", "1", "5", "-1", "+5", "05", "5, 5", "5,6", "4294967296", "99999999999999999999", "0x5", "five", "", " 5 ");

    private static readonly Gen<string> Header = Gen.OneOf(
        Number.Select(n => $"Content-Length: {n}\r\n"),
        OneOf("chunked", "gzip, chunked", "chunked, chunked", "identity", "Chunked ", "xchunked", "").Select(c => $"Transfer-Encoding: {c}\r\n"),
        OneOf("close", "keep-alive", "X-Call-Id", "Upgrade", "Content-Length", "Host, TE, X-Hop", ",,,", "close, Transfer-Encoding").Select(c => $"Connection: {c}\r\n"),
        OneOf("websocket", "h2c", "WebSocket, x", "TLS/1.0").Select(u => $"Upgrade: {u}\r\n"),
        OneOf("Expect: 100-continue\r\n", "Expect: nothing\r\n", "TE: trailers\r\n", "Trailer: X-End\r\n", "Host: other\r\n", "Host: \r\n", "Keep-Alive: timeout=0\r\n", "Keep-Alive: timeout=x\r\n", " folded\r\n", "NoColon\r\n", ": no name\r\n", "Bad Name: x\r\n", "X : space\r\n"),
        OneOf("X-Callback-Url", "X-Store-Result", "X-Timeout", "X-Priority", "Idempotency-Key", "X-Invoke-Mode", "X-Callback-Hops", "X-Call-Id", "X-Start-Time", "traceparent", "Origin", "Content-Type", "Set-Cookie", "X-Forwarded-For", "Date", "Server", "Location")
            .Select(Gen.OneOf(Noise, OneOf("async", "1h", "-1s", "high", "999999h", "16", "17", "http://[::1", "http://receiver.test/a b#c", "a/b", "..")), (name, value) => $"{name}: {value}\r\n"),
        Noise.Select(n => $"X-Noise: {n}\r\n"));

    private static readonly Gen<string> Body = Gen.OneOf(
        Gen.Const(""),
        Gen.Const("hello"),
        OneOf("5\r\nhello\r\n0\r\n\r\n", "5;x=\"\r\n\"\r\nhello\r\n0\r\n\r\n", "5\r\nhelloX0\r\n\r\n", "ffffffffffffffff\r\nx", "-5\r\nhello\r\n", "0\r\nX-End: 1\r\n\r\n", "0\r\nContent-Length: 5\r\n\r\nhello", "\r\n\r\n", "5\nhello\n0\n\n"),
        Noise);

    private static readonly Gen<string> Target = Gen.OneOf(
        OneOf(
            "/function/innocent", "/function/innocent/a%2Fb/../c?x=%zz", "/function/innocent/../../async-function/innocent", "/function/%69nnocent", "/function/innocent/%2e%2e/%2E%2e/system/functions", "/function//", "/function/..",
            "/async-function/innocent", "/async-function/innocent/x", "/async-function/a%2Fb", "/async-function/..%2f", "/async-function/%00", "/async-function/.", "/system/functions", "/system/queues", "/system/queues/faas-request/dead?limit=x",
            "/system/queues/faas-request/redrives", "/healthz", "*", "http://other/function/innocent", "http://[::1/function/innocent", "other:80", "//function/innocent", "/function/innocent#x", "/function/innocent?\u00fc", "/function/\u00fc", ""),
        Noise.Select(n => "/function/innocent/" + n),
        Noise);

    private static readonly Gen<string> Request = Gen.Select(
        Gen.OneOf(OneOf("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE", "PURGE", "get", ""), Noise),
        Target,
        OneOf("HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/9", "http/1.1", ""),
        Header.Array[0, 6],
        Body,
        (method, target, version, headers, body) => $"{method} {target} {version}\r\nHost: gw\r\n{string.Concat(headers)}\r\n{body}");

    private static readonly Gen<string> Answer = Gen.Select(
        OneOf("HTTP/1.1 200 OK", "HTTP/1.1 200 OK", "HTTP/1.1 204 None", "HTTP/1.1 205 Reset", "HTTP/1.1 304 Same", "HTTP/1.1 404 Missing", "HTTP/1.0 200 OK", "HTTP/1.1 101 Switch", "HTTP/1.1 099 Low", "HTTP/1.1 999 High", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK", "HTTP/1.1 100 Continue", "HTTP/1.1 2000 Long", "HTTP/2 200", "HTTP/1.1", "ICY 200 OK", ""),
        Header.Array[0, 6],
        Body,
        (status, headers, body) => $"{status}\r\n{string.Concat(headers)}\r\n{body}");

    private string _answer = "";
    private NatsServer _nats = null!; // set before each test
    private RawServer _provider = null!; // set before each test
    private TestGateway _gateway = null!; // set before each test

    public async ValueTask InitializeAsync()
    {
        _nats = await NatsServer.StartAsync();
        _provider = RawServer.Start(ServeAsync);
        _gateway = await TestGateway.StartAsync(_nats, ("functions_provider_url", _provider.Url.AbsoluteUri), ("basic_auth", "true"), ("upstream_timeout", "20s"));
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _provider.DisposeAsync();
        await _nats.DisposeAsync();
    }

    [Fact]
    public async Task Any_bytes_as_a_request_get_an_answer_or_a_closed_connection()
    {
        var errors = new List<string>();
        Request.Sample(request => Task.Run(() => CheckAsync(request, errors)).GetAwaiter().GetResult(), iter: Cases, threads: 1);

        await AllAreToldAsync(errors);
    }

    [Fact]
    public async Task Any_bytes_as_an_answer_are_passed_on_cut_or_told()
    {
        var errors = new List<string>();
        Answer.Sample(
            answer =>
            {
                _answer = answer;
                Task.Run(() => CheckAsync("POST /function/nasty HTTP/1.1\r\nHost: gw\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", errors)).GetAwaiter().GetResult();
            },
            iter: Cases,
            threads: 1);

        await AllAreToldAsync(errors);
    }

    private static Gen<string> OneOf(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);

    private async Task CheckAsync(string request, List<string> errors)
    {
        var answer = await AskAsync(request);
        Assert.True(answer.Length == 0 || StatusLine().IsMatch(answer), $"no HTTP: {answer}");
        var status = StatusLine().Matches(answer).Select(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture)).FirstOrDefault(s => s >= 200);

        // No function answers with these here. 505 is said to what is not even HTTP/1, before there is a call.
        if (status is >= 500 and < 600 and not 505)
        {
            var id = CallId().Match(answer).Groups[1].Value;
            Assert.True(id.Length > 0, $"no call id: {answer}");
            Assert.True(request.StartsWith("HEAD ", StringComparison.Ordinal) || !answer.EndsWith("\r\n\r\n", StringComparison.Ordinal), $"no reason: {answer}");
            errors.Add(id);
        }

        // A call that may be repeated: a server that closes without a word can do so while any other is on its way to it.
        using var innocent = await _gateway.SendAsync(HttpMethod.Get, "/function/innocent");
        Assert.Equal("fine", await innocent.Content.ReadAsStringAsync());
    }

    private async Task AllAreToldAsync(List<string> errors)
    {
        Assert.False(_gateway.Process.Process.HasExited);
        foreach (var id in errors)
        {
            await _gateway.Process.Process.LineAsync(
                line => line.Contains("Error answered", StringComparison.Ordinal) && line.Contains(id, StringComparison.Ordinal), $"a log line about {id}");
        }
    }

    // What follows ends the connection, if the gateway is not waiting for a body that never comes. If it is, our half is closed after a while.
    private async Task<string> AskAsync(string request)
    {
        using var raw = await RawHttp.ConnectAsync(_gateway.Api);
        try
        {
            await raw.SendAsync(request + "\r\n\r\nGET /function/innocent HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n");
        }
        catch (IOException)
        {
            // Refused before it was whole.
        }

        var reading = raw.ReadToEndAsync();
        if (await Task.WhenAny(reading, Task.Delay(Patience, TimeProvider.System)) != reading)
        {
            raw.EndSending();
        }

        return await reading.WaitAsync(Eventually.Patience);
    }

    private async Task ServeAsync(RawRequest request)
    {
        if (request.Head.StartsWith("POST /function/nasty ", StringComparison.Ordinal))
        {
            await request.ReadBodyAsync();
            await request.SendAsync(_answer);
            request.Close();
            return;
        }

        if (request.Head.Contains(" /system/", StringComparison.Ordinal))
        {
            await request.SendAsync("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]");
            return;
        }

        await request.ReadBodyAsync();
        await request.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{(request.Head.StartsWith("HEAD ", StringComparison.Ordinal) ? "" : "fine")}");
    }

    [GeneratedRegex(@"HTTP/1\.1 (\d{3}) ")]
    private static partial Regex StatusLine();

    [GeneratedRegex("X-Call-Id: ([!-~]+)\r\n")]
    private static partial Regex CallId();
}
