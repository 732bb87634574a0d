using Connectors.Streams.Records;

namespace Connectors.Streams.Nats;

/// <summary>What a bucket is made like.</summary>
/// <param name="Name">Its name.</param>
/// <param name="MaxAge">Age after which entries go; zero for never.</param>
/// <param name="Storage">Where it lies.</param>
/// <param name="Replicas">On how many servers.</param>
public sealed record BucketShape(string Name, TimeSpan MaxAge, StreamStorage Storage, int Replicas)
{
    /// <summary>Whether an entry may have an age of its own. Where the server knows of none, entries lie until they reach <see cref="MaxAge"/>.</summary>
    public bool HasOwnAges { get; init; }

    /// <summary>
    /// Most bytes of it, over which writes are refused; 0 for no limit. NATS sets the room aside. A limit that an operator set at the bucket is kept.
    /// </summary>
    public long MaxBytes { get; init; }

    /// <summary>
    /// For how long the deletion of an entry is remembered in a bucket whose entries have no age, so that whoever watches hears of it; zero for ever. Where the server
    /// knows of no ages of single messages, until the next <see cref="Bucket.SweepAsync"/> after it.
    /// </summary>
    public TimeSpan MarkerAge { get; init; }

    /// <summary>For how long a result is kept at most.</summary>
    public static readonly TimeSpan MaxResultAge = TimeSpan.FromHours(24);

    /// <summary>For how long a cancellation is kept: longer than a call may be delayed and wait, so that none outlives its cancellation.</summary>
    public static readonly TimeSpan CancellationAge = TimeSpan.FromDays(14);

    // Half a million ids of 36 characters, each of which takes 120 bytes there and a third of that in every worker.
    private const long CancellationBytes = 64 * 1024 * 1024;

    /// <summary>Results of calls whose callers asked for them.</summary>
    public static BucketShape Results(StreamLimits limits) => new(StreamNames.Results, MaxResultAge, limits.Storage, limits.Replicas) { HasOwnAges = true };

    /// <summary>Ids of cancelled calls, as a rule of any that anybody names: so they are bounded.</summary>
    public static BucketShape Cancelled(StreamLimits limits) =>
        new(StreamNames.Cancelled, CancellationAge, limits.Storage, limits.Replicas) { MaxBytes = CancellationBytes };

    /// <summary>Pauses of queues and functions; they last until somebody ends them.</summary>
    public static BucketShape Paused(StreamLimits limits) =>
        new(StreamNames.Paused, TimeSpan.Zero, limits.Storage, limits.Replicas) { HasOwnAges = true, MarkerAge = TimeSpan.FromDays(1) };

    /// <summary>Redrive jobs; finished ones can be looked at for a week.</summary>
    public static BucketShape Redrives(StreamLimits limits) => new(StreamNames.Redrives, TimeSpan.FromDays(7), limits.Storage, limits.Replicas);

    /// <summary>Cron cursors, kept for longer than the rarest schedule that people use comes round: what is left of removed functions goes in the end.</summary>
    public static BucketShape Cron(int replicas) => new(StreamNames.Cron, TimeSpan.FromDays(400), StreamStorage.File, replicas);
}

/// <summary>How far a bucket is.</summary>
/// <param name="LastRevision">The revision of what was written last, a deletion as well as a value; 0 for nothing.</param>
/// <param name="Keys">
/// How many keys there are, those of deleted entries among them for as long as that is remembered. It falls where these, or others, are removed from its stream, of
/// which a watch tells nothing.
/// </param>
public sealed record BucketState(ulong LastRevision, long Keys);

/// <summary>An entry of a bucket.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Value">Its value; null if it was deleted.</param>
/// <param name="Revision">What a write has to name in order to replace it.</param>
/// <param name="Created">When it was written.</param>
public sealed record BucketEntry(string Key, byte[]? Value, ulong Revision, DateTimeOffset Created);
