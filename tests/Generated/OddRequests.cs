using CsCheck;

namespace Connectors.Testing;

/// <summary>Generator of what may come in on a listener, half of it broken.</summary>
internal static class OddRequests
{
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

    /// <summary>Requests, each char a byte: the functions that they name are called <c>innocent</c>.</summary>
    public static Gen<string> All { get; } = Gen.Select(
        Gen.OneOf(OneOf("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE", "PURGE", "get", "head", ""), Noise),
        Target,
        OneOf("HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/9", "http/1.1", ""),
        Header.Array[0, 6],
        Body,
        (method, target, version, headers, body) => $"{method} {target} {version}\r\nHost: gw\r\n{string.Concat(headers)}\r\n{body}");

    /// <summary>Answers of the same make.</summary>
    public static Gen<string> Answers { get; } = Gen.Select(
        OneOf("HTTP/1.1 200 OK", "HTTP/1.1 200 OK", "HTTP/1.1 204 None", "HTTP/1.1 205 Reset", "HTTP/1.1 304 Same", "HTTP/1.1 404 Missing", "HTTP/1.0 200 OK", "HTTP/1.1 101 Switch", "HTTP/1.1 099 Low", "HTTP/1.1 999 High", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK", "HTTP/1.1 100 Continue", "HTTP/1.1 2000 Long", "HTTP/2 200", "HTTP/1.1", "ICY 200 OK", ""),
        Header.Array[0, 6],
        Body,
        (status, headers, body) => $"{status}\r\n{string.Concat(headers)}\r\n{body}");

    private static Gen<string> OneOf(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);
}
