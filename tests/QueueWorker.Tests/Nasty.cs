using System.Text;
using Connectors.Streams.Records;
using CsCheck;

namespace Connectors.QueueWorker.Tests;

/// <summary>Generators of what strangers may write into a worker's streams.</summary>
internal static class Nasty
{
    private static readonly Gen<string> Bytes = Gen.Char['\x01', '\xff'].Array[0, 40].Select(chars => new string(chars).Replace('\r', ' ').Replace('\n', ' '));

    /// <summary>The header blocks that no client writes.</summary>
    public static Gen<byte[]> HeaderBlocks { get; } = OneOf(
        "NATS/1.0\r\nno colon here\r\n\r\n", "NATS/1.0\r\n: no name\r\n\r\n", "NATS/1.0 503 odd\r\nEnvelope: {}\r\n\r\n", "NATS/9.9\r\n\r\n", "NATS/1.0\r\nEnvelope: \u00ff\u00fe\r\n\r\n", "\r\n\r\n", "NATS/1.0\r\nA: b").Select(Encoding.Latin1.GetBytes);

    /// <summary>Messages of strangers: other headers, envelopes and records that are damaged, odd subjects.</summary>
    public static Gen<(string Tail, List<KeyValuePair<string, string>> Headers, byte[] Body)> Messages { get; } = Gen.Select(
        OneOf("", "", "one", "a.b.c.d", "openfaas-fn.other", "=ZZ.=4", "=FF=FE.x", new string('n', 300) + ".f"),
        Gen.Select(Damaged(Sample.Envelope), Damaged(Sample.Record), Gen.Int[0, 7], Bytes, (envelope, record, which, odd) => Headers(envelope, record, which, odd)),
        Gen.Byte.Array[0, 100],
        (tail, headers, body) => (tail, headers, body));

    private static Gen<string> OneOf(params string[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static List<KeyValuePair<string, string>> Headers(string envelope, string record, int which, string odd)
    {
        var headers = new List<KeyValuePair<string, string>>();
        if (which < 6)
        {
            headers.Add(new(EnvelopeCodec.HeaderName, envelope));
        }

        if (which is > 2 and < 7)
        {
            headers.Add(new(CallbackRecord.HeaderName, record));
        }

        if (which is 5 or 7)
        {
            headers.Add(new("X-Odd", string.Concat(odd.Where(c => c is >= ' ' and <= '~'))));
            headers.Add(new("X-Long", new string('x', which == 5 ? 100 : 63_000)));
        }

        return headers;
    }

    // One place of valid JSON is put out of order: cut, replaced, or given a value that its type or its meaning does not allow.
    private static Gen<string> Damaged(string json) => Gen.Frequency(
        (2, Gen.Const(json)),
        (4, Gen.Select(Gen.Int[0, json.Length - 1], Gen.Char[' ', '~'], (at, c) => json[..at] + c + json[(at + 1)..])),
        (2, Gen.Int[0, json.Length - 1].Select(at => json[..at])),
        (4, OneOf(
            json.Replace("\"attempt\":1", "\"attempt\":2147483647", StringComparison.Ordinal),
            json.Replace("\"attempt\":1", "\"attempt\":-2147483648", StringComparison.Ordinal),
            json.Replace("\"attempt\":1", "\"attempt\":1e99", StringComparison.Ordinal),
            json.Replace("\"headers\":[]", "\"headers\":[[\"a\"]]", StringComparison.Ordinal),
            json.Replace("\"headers\":[]", "\"headers\":[[\"a\\r\\nb\",\"\\u0000\\r\\nc\"]]", StringComparison.Ordinal),
            json.Replace("\"headers\":[]", "\"headers\":null", StringComparison.Ordinal),
            json.Replace("\"headers\":[]", "\"headers\":[[\"\\ud800\",\"\\udfff\"]]", StringComparison.Ordinal),
            json.Replace("2026-", "9999-", StringComparison.Ordinal),
            json.Replace("2026-", "0001-", StringComparison.Ordinal),
            json.Replace("\"path\":\"\"", "\"path\":\"x\\r\\n\\u0001\"", StringComparison.Ordinal),
            json.Replace("\"path\":\"\"", "\"path\":\"/ x\\r\\n\\u0001\\ud800\"", StringComparison.Ordinal),
            json.Replace("\"query\":\"\"", "\"query\":\"# \\u4e2d\"", StringComparison.Ordinal),
            json.Replace("http:", "http:\\\\\\\\", StringComparison.Ordinal),
            json.Replace("http:", "gopher:", StringComparison.Ordinal),
            json.Replace("\"deliveryId\":\"", "\"deliveryId\":\"\\r\\n", StringComparison.Ordinal),
            json.Replace("\"callId\":\"", "\"callId\":\"" + new string('c', 5000), StringComparison.Ordinal),
            json[..^1] + ",\"retry\":{\"maxAge\":\"999999999h\",\"minWait\":\"9999999999999999999999h\"}}",
            json[..^1] + ",\"retry\":{\"attempts\":-5,\"codes\":[]},\"maxInflight\":-1}",
            json[..^1] + ",\"maxInflight\":0,\"storeResult\":\"250000000h\"}",
            json[..^1] + ",\"x\":" + new string('[', 500) + new string(']', 500) + "}")));

    // Neither may be of a newer version or wait for its time: such messages are meant to stay.
    private static class Sample
    {
        public const string Envelope =
            """{"callId":"c1","deliveryId":"d1","fn":"echo","ns":"openfaas-fn","method":"POST","path":"","query":"","headers":[],"callback":"http://127.0.0.1:1/","submitted":"2026-01-01T00:00:00+00:00","attempt":1,"redrive":0,"hops":0,"priority":"normal"}""";

        public const string Record = """{"status":200,"headers":[],"seconds":0.5,"attempts":1,"since":"2026-01-01T00:00:00+00:00","attempt":1}""";
    }
}
