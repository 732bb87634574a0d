using Connectors.Sdk.Hosting;

namespace Connectors.Streams.Records;

/// <summary>What an operator may set about a queue's streams; the same options in gateway and worker.</summary>
public sealed record StreamLimits
{
    /// <summary>How long message ids are remembered unless set otherwise.</summary>
    public static readonly TimeSpan DefaultDuplicateWindow = TimeSpan.FromMinutes(2);

    /// <summary>Where the streams lie.</summary>
    public StreamStorage Storage { get; init; }

    /// <summary>On how many servers they lie.</summary>
    public int Replicas { get; init; } = 1;

    /// <summary>Most bytes of waiting calls; 0 for no limit, −1 for the one that the stream has.</summary>
    public long MaxBytes { get; init; } = -1;

    /// <summary>Most waiting calls; 0 for no limit, −1 for the one that the stream has.</summary>
    public long MaxMessages { get; init; } = -1;

    /// <summary>How long message ids are remembered.</summary>
    public TimeSpan DuplicateWindow { get; init; } = DefaultDuplicateWindow;

    /// <summary>How durable a 202 of a stream is, in words for the log.</summary>
    public static string Durability(StreamStorage storage, int replicas) => (storage, replicas) switch
    {
        (StreamStorage.File, 1) => "on one server's disk: survives the process, not the disk; a power cut takes what was accepted within the server's sync_interval",
        (StreamStorage.File, _) => $"on the disks of {replicas} servers: survives the power cut of one; one of all takes what was accepted within their sync_interval",
        (_, 1) => "in one server's memory: lost with the process",
        _ => $"in the memory of {replicas} servers: lost when a majority stops",
    };

    /// <summary>Reads the options; the sizes are of the stream of waiting calls only.</summary>
    public static StreamLimits Read(Settings settings)
    {
        var limits = new StreamLimits
        {
            Storage = settings.Choice("nats_stream_storage", StreamStorage.File, "Where streams lie: file or memory"),
            Replicas = settings.Number("nats_stream_replicas", 1, "On how many NATS servers each stream lies: 1, 3 or 5", 1, 5),
            MaxBytes = settings.LongNumber("nats_max_bytes", -1, "Most bytes of waiting calls, over which calls are refused; 0 for no limit, -1 for the one that the stream has, a new one none", -1),
            MaxMessages = settings.LongNumber("nats_max_msgs", -1, "Most waiting calls, over which calls are refused; 0 for no limit, -1 for the one that the stream has, a new one none", -1),
            DuplicateWindow = settings.Duration(
                "nats_duplicate_window", DefaultDuplicateWindow, "How long repeated message ids are recognised", TimeSpan.FromMilliseconds(100), TimeSpan.FromHours(24)),
        };

        if (limits.Replicas is 2 or 4)
        {
            settings.Fault("nats_stream_replicas", "1, 3 or 5");
        }

        return limits;
    }
}
