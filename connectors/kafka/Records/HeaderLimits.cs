using Connectors.Sdk.Hosting;

namespace Connectors.Kafka.Records;

/// <summary>How much of a record's headers a function gets. HTTP servers refuse a request with more than they take (431), and would refuse it for ever.</summary>
/// <param name="Count">Header lines, companions that tell the encoding included. Many servers take 100 in all, our gateway 960 of an asynchronous call.</param>
/// <param name="Bytes">Names and values together. Some servers take 16 KiB in all, of which a key may need 6; our gateway takes 1 MiB, and 32 KiB of an asynchronous call.</param>
internal sealed record HeaderLimits(int Count, int Bytes)
{
    public static HeaderLimits Read(Settings settings) => new(
        settings.Number("max_record_headers", 50, "How many HTTP header lines a record's headers may become; the rest is left out and named", 0, 900),
        settings.Number("max_record_header_bytes", 8192, "How many bytes they may take in all", 0, 1_000_000));
}
