namespace Connectors.Streams.Records;

/// <summary>
/// What a stream of ours looks like, in plain values: gateway and worker create the same one, whichever is first. Of an existing stream, <see cref="Subjects"/> and <see cref="Retention"/> must agree;
/// limits are brought in line only where an operator set them.
/// </summary>
public sealed record StreamShape
{
    // One for each function with work, or for each group of calls that are brought back. None takes room before it is made.
    private const int ManyConsumers = 100_000;

    /// <summary>The stream's name.</summary>
    public required string Name { get; init; }

    /// <summary>The one subject filter that it stores.</summary>
    public required string Subjects { get; init; }

    /// <summary>When messages leave it.</summary>
    public required StreamRetention Retention { get; init; }

    /// <summary>Where it lies.</summary>
    public StreamStorage Storage { get; init; }

    /// <summary>On how many servers it lies.</summary>
    public int Replicas { get; init; } = 1;

    /// <summary>Most bytes; 0 for no limit, −1 for the one that the stream has, a new one none. A full stream refuses what is new and never drops what is old, unless <see cref="DropsOld"/> says so.</summary>
    public long MaxBytes { get; init; } = -1;

    /// <summary>Most messages, as <see cref="MaxBytes"/>.</summary>
    public long MaxMessages { get; init; } = -1;

    /// <summary>Most consumers, where the server would allow only some by itself; 0 for as many as it does. A number that a stream has stays.</summary>
    public int MaxConsumers { get; init; }

    /// <summary>Age after which messages are dropped; zero for never.</summary>
    public TimeSpan MaxAge { get; init; }

    /// <summary>How long message ids are remembered.</summary>
    public TimeSpan DuplicateWindow { get; init; } = StreamLimits.DefaultDuplicateWindow;

    /// <summary>Whether a full stream drops what is oldest; its limits are then always brought in line with the options.</summary>
    public bool DropsOld { get; init; }

    /// <summary>Where the headers of every stored message are sent as a hint to workers; null for nowhere.</summary>
    public string? Hints { get; init; }

    /// <summary>The mode in which its calls are consumed, if a worker makes it (<see cref="StreamNames.ModeKey"/>); null for not known yet.</summary>
    public string? Mode { get; init; }

    /// <summary>Waiting calls of a queue.</summary>
    public static StreamShape Calls(string queue, StreamLimits limits) => Of(StreamNames.Calls(queue), StreamNames.CallSubjects(queue), limits) with
    {
        MaxBytes = limits.MaxBytes,
        MaxMessages = limits.MaxMessages,
    };

    /// <summary>Callback records of a queue. No size limit: refusing one would keep a finished call open.</summary>
    public static StreamShape Callbacks(string queue, StreamLimits limits) => Of(StreamNames.Callbacks(queue), StreamNames.CallbackSubjects(queue), limits);

    /// <summary>Dead letters of a queue, kept for 14 days.</summary>
    public static StreamShape Dead(string queue, StreamLimits limits) =>
        Of(StreamNames.Dead(queue), StreamNames.DeadSubjects(queue), limits) with { Retention = StreamRetention.Limits, MaxAge = TimeSpan.FromDays(14) };

    /// <summary>What became of a queue's calls: the latest, as far as size and age allow.</summary>
    public static StreamShape History(string queue, StreamLimits limits, long maxBytes, TimeSpan maxAge) =>
        Of(StreamNames.History(queue), StreamNames.HistorySubject(queue), limits) with
        {
            Retention = StreamRetention.Limits,
            DropsOld = true,
            MaxBytes = maxBytes,
            MaxAge = maxAge,
            DuplicateWindow = limits.DuplicateWindow < maxAge ? limits.DuplicateWindow : maxAge,
        };

    /// <summary>Calls of a queue that are put aside, under the same limits as those that wait.</summary>
    public static StreamShape Aside(string queue, StreamLimits limits) => Of(StreamNames.Aside(queue), StreamNames.AsideSubjects(queue), limits) with
    {
        MaxBytes = limits.MaxBytes,
        MaxMessages = limits.MaxMessages,
        Hints = StreamNames.AsideHints(queue),
    };

    /// <summary>The four streams of a queue on which its calls depend, as workers need them, who consume them.</summary>
    public static IReadOnlyList<StreamShape> All(string queue, StreamLimits limits) =>
        [Calls(queue, limits) with { MaxConsumers = ManyConsumers }, Callbacks(queue, limits), Dead(queue, limits), Aside(queue, limits) with { MaxConsumers = ManyConsumers }];

    private static StreamShape Of(string name, string subjects, StreamLimits limits) => new()
    {
        Name = name,
        Subjects = subjects,
        Retention = StreamRetention.WorkQueue,
        Storage = limits.Storage,
        Replicas = limits.Replicas,
        DuplicateWindow = limits.DuplicateWindow,
    };
}

/// <summary>When messages leave a stream.</summary>
public enum StreamRetention
{
    /// <summary>Once acked; consumers' filters never overlap.</summary>
    WorkQueue,

    /// <summary>By age or by hand.</summary>
    Limits,
}

/// <summary>Where a stream lies.</summary>
public enum StreamStorage
{
    /// <summary>On disk: survives the server.</summary>
    File,

    /// <summary>In memory: gone with the server, unless it has replicas.</summary>
    Memory,
}
