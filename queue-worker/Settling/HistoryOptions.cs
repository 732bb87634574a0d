using Connectors.Sdk.Hosting;

namespace Connectors.QueueWorker.Settling;

/// <summary>Whether and how long it is kept what became of calls.</summary>
internal sealed record HistoryOptions
{
    private const long DefaultMaxBytes = 256 * 1024 * 1024;
    private const long MinMaxBytes = 1024 * 1024;

    public required bool IsOn { get; init; }

    public required TimeSpan MaxAge { get; init; }

    public required long MaxBytes { get; init; }

    public static HistoryOptions Read(Settings settings) => new()
    {
        IsOn = settings.Choice("history", HistorySwitch.On, "Whether what became of each call is kept for GET /system/calls: on or off") == HistorySwitch.On,
        MaxAge = settings.Duration("history_max_age", TimeSpan.FromHours(24), "How long it is kept", TimeSpan.FromMinutes(1), TimeSpan.FromDays(365)),
        MaxBytes = settings.LongNumber("history_max_bytes", DefaultMaxBytes, "Most bytes of it in a queue, over which the oldest is dropped; NATS sets the room aside", MinMaxBytes),
    };

    private enum HistorySwitch
    {
        On,
        Off,
    }
}
