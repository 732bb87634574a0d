using System.Text;
using CsCheck;

namespace Connectors.Testing;

/// <summary>Generator of what functions and callback receivers may answer.</summary>
internal static class OddAnswers
{
    private static readonly Gen<string> Bytes = Gen.Char['\x01', '\xff'].Array[0, 40].Select(chars => new string(chars).Replace('\r', ' ').Replace('\n', ' '));

    private static readonly Gen<string> Values = Gen.Frequency(
        (10, Bytes),
        (2, Gen.Const(new string('\'', 11_000))),
        (1, Gen.Const(new string('x', 70_000))),
        (1, Gen.Const("")),
        (2, Gen.Const("99999999999999999999")));

    private static readonly Gen<string> Names = Gen.Frequency(
        (6, OneOf("X-Mine", "Set-Cookie", "Content-Type", "Retry-After", "Connection", "X-OpenFaaS-Internal", "Date", "Trailer", "Expect", "Host", "webhook-id", "Location")),
        (2, OneOf("Content-Length", "Transfer-Encoding", "Content-Encoding", "Upgrade", "Keep-Alive", "Authorization", "Nats-Msg-Id")),
        (1, Bytes));

    private static readonly Gen<string> Lines = Gen.Select(Names, Values, (name, value) => $"{name}: {value}\r\n").Array[0, 5].Select(lines => string.Concat(lines));

    private static readonly Gen<string> Status = Gen.Frequency(
        (12, OneOf("200 OK", "202 Accepted", "204 No Content", "205 Reset Content", "206 Partial Content", "301 Moved", "304 Not Modified", "400 Bad", "404 No", "429 Many", "500 Error", "503 Away", "508 Loop")),
        (3, Gen.Int[0, 999].Select(status => $"{status:000} Odd")),
        (1, OneOf("", "abc", "99999 OK", "-1 OK")));

    private static readonly Gen<byte[]> Body = Gen.Frequency((10, Gen.Byte.Array[0, 200]), (1, Gen.Const(new byte[1_100_000])));

    /// <summary>Most are nearly HTTP.</summary>
    public static Gen<RawAnswer> All { get; } = Gen.Frequency(
        (20, Gen.Select(Status, Lines, Body, Gen.Int[0, 9], Gen.Int[0, 30], Framed)),
        (1, Gen.Byte.Array[0, 300].Select(bytes => new RawAnswer(bytes, After.Close))),
        (1, Gen.Const(new RawAnswer("", After.Close))),
        (1, Gen.Const(new RawAnswer("", After.Reset))));

    private static Gen<string> OneOf(params string[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static RawAnswer Framed(string status, string lines, byte[] body, int framing, int then)
    {
        var (framed, content, after) = framing switch
        {
            0 => ("", body, After.Close),
            1 => ("Transfer-Encoding: chunked\r\n", Chunk(body), After.Keep),
            2 => ("Transfer-Encoding: chunked\r\n", Encoding.ASCII.GetBytes("zz\r\nbroken"), After.Close),
            3 => ($"Content-Length: {body.Length + 10}\r\n", body, After.Close),
            4 => ($"Content-Length: {body.Length}\r\nContent-Length: {body.Length + 1}\r\n", body, After.Close),
            5 => ($"Content-Length: {body.Length}\r\nTransfer-Encoding: chunked\r\n", Chunk(body), After.Close),
            _ => ($"Content-Length: {body.Length}\r\n", body, After.Keep),
        };
        var head = Encoding.Latin1.GetBytes($"HTTP/1.1 {status}\r\n{lines}{framed}\r\n");
        return new RawAnswer([.. head, .. content], then switch { 0 => After.Hang, 1 or 2 => After.Reset, 3 or 4 => After.Close, _ => after });
    }

    private static byte[] Chunk(byte[] body) => body.Length == 0
        ? Encoding.ASCII.GetBytes("0\r\n\r\n")
        : [.. Encoding.ASCII.GetBytes($"{body.Length:x}\r\n"), .. body, .. Encoding.ASCII.GetBytes("\r\n0\r\n\r\n")];
}
