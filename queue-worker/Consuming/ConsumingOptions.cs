using Connectors.Sdk.Hosting;

namespace Connectors.QueueWorker.Consuming;

/// <summary>How calls are taken from the stream.</summary>
internal sealed record ConsumingOptions
{
    /// <summary>Calls that run at once in this replica.</summary>
    public required int MaxInflight { get; init; }

    public required ScalingMode Mode { get; init; }

    /// <summary>How fast a dead worker is noticed; not how long a call may run.</summary>
    public required TimeSpan AckWait { get; init; }

    /// <summary>Whether it is as long as one that is to bound calls, as in OpenFaaS's Community Edition, and not one that notices a dead worker.</summary>
    public bool IsLongLease => AckWait > TimeSpan.FromMinutes(2);

    /// <summary>After how long without work a function's consumer lapses. Never sooner than <see cref="AckWait"/>: a consumer that lapses takes the leases of what runs with it.</summary>
    public required TimeSpan InactiveThreshold
    {
        get => field < AckWait ? AckWait : field;
        init;
    }

    /// <summary>Most messages asked for at once; 0 for as many as there are free slots.</summary>
    public required int PullMaxMessages { get; init; }

    /// <summary>The same, as a number of slots.</summary>
    public int PullMax => PullMaxMessages > 0 ? PullMaxMessages : int.MaxValue;

    public required int Partitions { get; init; }

    public required int Partition { get; init; }

    public required bool LimiterEnabled { get; init; }

    public static ConsumingOptions Read(Settings settings)
    {
        var options = new ConsumingOptions
        {
            MaxInflight = settings.Number("max_inflight", 50, "Calls that run at once in this replica", 1, 100_000),
            Mode = settings.Choice("scaling_mode", ScalingMode.Static, "static: one consumer for all functions, first come first served; function: one for each function with work"),
            AckWait = settings.Duration(
                "ack_wait", TimeSpan.FromSeconds(30), "How fast a dead worker is noticed; it does not bound a call", TimeSpan.FromSeconds(1), TimeSpan.FromHours(1)),
            InactiveThreshold = settings.Duration(
                "consumer_inactive_threshold", TimeSpan.FromSeconds(30), "After how long without work a function's consumer lapses, at least ack_wait", TimeSpan.FromSeconds(1), TimeSpan.FromHours(24)),
            PullMaxMessages = settings.Number("consumer_pull_max_messages", 0, "Most calls asked for at once; 0 for as many as can run", 0, 100_000),
            Partitions = settings.Number("queue_partitions", 1, "Into how many parts the functions of a queue are divided (function mode)", 1, 1_000),
            Partition = settings.Number("filter_partition", 0, "Which of them this worker serves, from 0", 0, 999),
            LimiterEnabled = settings.Flag("limiter_enabled", true, "Learn how much each function takes at once (function mode)"),
        };

        if (options.Partition >= options.Partitions)
        {
            settings.Fault("filter_partition", $"0 to queue_partitions - 1, which is {options.Partitions - 1}");
        }

        if (options is { Partitions: > 1, Mode: ScalingMode.Static })
        {
            settings.Fault("queue_partitions", "1, or scaling_mode=function: only functions can be divided");
        }

        return options;
    }
}

/// <summary>How a queue's calls are shared out.</summary>
internal enum ScalingMode
{
    Static,
    Function,
}
