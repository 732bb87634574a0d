using Connectors.Sdk.Hosting;

namespace Connectors.Kafka.Records;

/// <summary>How much of a record's headers a function gets. HTTP servers refuse a request with more than they take (431), and would refuse it for ever.</summary>
/// <param name="Count">Header lines, companions that tell the encoding included. Many servers take 100 in all.</param>
/// <param name="Bytes">Names and values together. Some servers take 16 KiB in all, of which a key may need 6.</param>
internal sealed record HeaderLimits(int Count, int Bytes)
{
    public static HeaderLimits Read(Settings settings) => new(
        settings.Number("max_record_headers", 50, "How many HTTP header lines a record's headers may become; the rest is left out and named", 0, 10_000),
        settings.Number("max_record_header_bytes", 8192, "How many bytes they may take in all", 0, 10_000_000));
}
