using BenchmarkDotNet.Attributes;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Benchmarks.Micro;

/// <summary>The envelope of an ordinary call with a callback.</summary>
public class EnvelopeBenchmark
{
    private readonly Envelope _envelope = new()
    {
        CallId = "c3b1f1f0-3a75-4a5e-9d77-57c5b3a1a0fd",
        DeliveryId = "0b6d1c8e-52f4-4c1b-a7a3-7f1f0d8a2b11",
        Function = "resize",
        Namespace = "openfaas-fn",
        Path = "/large",
        Query = "width=1024",
        Callback = "http://orders.example.com/done",
        Submitted = new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero),
        Headers = [new("Content-Type", "image/png"), new("User-Agent", "curl/8.5.0"), new("Accept", "*/*"), new("X-Order", "4711")],
    };

    private readonly string _header;

    public EnvelopeBenchmark() => _header = EnvelopeCodec.Encode(_envelope);

    [Benchmark(Description = "write")]
    public string Write() => EnvelopeCodec.Encode(_envelope);

    [Benchmark(Description = "read")]
    public Envelope? Read() => EnvelopeCodec.TryDecode(_header, out _);
}
