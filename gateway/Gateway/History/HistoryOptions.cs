using Connectors.Sdk.Hosting;

namespace Connectors.Gateway.History;

/// <summary>How much of the history can be searched here.</summary>
internal sealed record HistoryOptions(int MaxIndexed)
{
    /// <summary>Whether the history is looked at at all.</summary>
    public bool IsOn => MaxIndexed > 0;

    public static HistoryOptions Read(Settings settings) => new(settings.Number(
        "history_index_max", 1_000_000, "How many ended calls GET /system/calls searches, the latest; each takes about 40 bytes of memory; 0 turns it off", 0, 50_000_000));
}
