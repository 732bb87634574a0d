using Connectors.Sdk.Hosting;
using Connectors.Streams.Records;
using NATS.Client.Core;
using NATS.Client.JetStream.Models;
using NATS.Client.KeyValueStore;

namespace Connectors.Streams.Nats;

/// <summary>
/// One watch of a bucket, and the looks at the bucket beside it. The client's watch outlives its connection, but stays silent for ever if it hears of the loss only
/// after the next connection. It outlives its bucket too, and asks the next one only for what comes after the last number that it told, where the numbers begin anew.
/// And it tells only with the last entry of all that this was the last: that one may go before it is told, and of several servers the one that serves the watch may
/// not have the last ones yet.
/// </summary>
/// <param name="link">The connection.</param>
/// <param name="shape">What the bucket is like.</param>
/// <param name="store">The bucket.</param>
/// <param name="time">The clock.</param>
internal sealed class BucketWatch(NatsLink link, BucketShape shape, INatsKVStore store, TimeProvider time)
{
    // How often it is looked whether the bucket is still the same.
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(2);

    // After which it is asked whether all has been told: longer than the client waits for its consumer to be made, for without one nothing is told of what follows.
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(6);

    // Guards that one thing at a time is told, and once that it was all.
    private readonly Lock _lock = new();
    private volatile bool _isLoaded;
    private ulong _told;
    private long _toldAt;

    /// <summary>The bucket's stream as its leader told of it before the watch; null if there was none.</summary>
    public required StreamInfo? Begun { get; init; }

    /// <summary>How long a look may take.</summary>
    public required TimeSpan Patience { get; init; }

    /// <summary>Called for each entry, oldest first.</summary>
    public required Action<BucketEntry> Changed { get; init; }

    /// <summary>Called once all that was there has been told.</summary>
    public required Action Loaded { get; init; }

    /// <summary>Called before each look, for what is still to be changed of the bucket.</summary>
    public required Func<CancellationToken, Task> BringInLine { get; init; }

    /// <summary>Called when the bucket is gone, is another one or lost its latest entries.</summary>
    public required Action Gone { get; init; }

    /// <summary>Watches until it is cancelled, the connection is lost or the bucket is gone, is another one or lost its latest entries.</summary>
    /// <param name="lost">Completes when the connection is lost.</param>
    /// <param name="ct">Ends it.</param>
    public async Task RunAsync(Task lost, CancellationToken ct)
    {
        Volatile.Write(ref _toldAt, time.GetTimestamp());
        using var end = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var (telling, looking) = (TellAsync(end.Token), LookAsync(end.Token));
        var ended = await Task.WhenAny(telling, looking, lost);
        await end.CancelAsync();
        await Task.WhenAll(telling, looking).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await ended;
    }

    private async Task TellAsync(CancellationToken ct)
    {
        var opts = new NatsKVWatchOpts
        {
            // A consumer that is gone is noticed after two of them.
            IdleHeartbeat = TimeSpan.FromSeconds(2),
            OnNoData = async stop =>
            {
                await LoadIfAllIsToldAsync(0, stop);
                return false;
            },
        };
        try
        {
            await foreach (var entry in store.WatchAsync(NatsRawSerializer<byte[]>.Default, opts, ct))
            {
                Tell(entry);
                if (entry.Delta == 0 && !_isLoaded)
                {
                    await LoadIfAllIsToldAsync(entry.Revision, ct);
                }
            }
        }
        catch (NatsException fault) when (Bucket.IsGone(fault))
        {
            Gone();
            throw;
        }
    }

    private void Tell(NatsKVEntry<byte[]> entry)
    {
        lock (_lock)
        {
            Changed(Bucket.Entry(entry));
            Volatile.Write(ref _told, entry.Revision);
            Volatile.Write(ref _toldAt, time.GetTimestamp());
        }
    }

    // The server has no more to tell.
    private async ValueTask LoadIfAllIsToldAsync(ulong told, CancellationToken ct)
    {
        if (told >= (Begun?.State.LastSeq ?? 0) || await IsAllToldAsync(told, ct))
        {
            Load();
        }
    }

    // False also where nobody tells: the looks ask again.
    private async Task<bool> IsAllToldAsync(ulong told, CancellationToken ct)
    {
        using var limit = new TimeLimit(Patience, time, ct);
        try
        {
            return await BucketSetup.FindAsync(link, shape, limit.Token) is { } found && await IsAllToldAsync(found, told, limit.Token);
        }
        catch (Exception fault) when (fault is NatsException or OperationCanceledException && !ct.IsCancellationRequested)
        {
            return false;
        }
    }

    private void Load()
    {
        lock (_lock)
        {
            if (!_isLoaded)
            {
                _isLoaded = true;
                Loaded();
            }
        }
    }

    private async Task LookAsync(CancellationToken ct)
    {
        do
        {
            await Task.Delay(LookInterval, time, ct);
            await BringInLine(ct);
        }
        while (await IsStillAsync(ct));

        Gone();
    }

    // Whether the bucket is the one that was made then, null for none, and still has what was told last. No answer says nothing.
    private async Task<bool> IsStillAsync(CancellationToken ct)
    {
        using var limit = new TimeLimit(Patience, time, ct);
        var told = Volatile.Read(ref _told);
        try
        {
            var found = await BucketSetup.FindAsync(link, shape, limit.Token);
            if (found?.Created != Begun?.Created || found?.State.LastSeq < told)
            {
                return false;
            }

            if (found is not null && !_isLoaded && time.GetElapsedTime(Volatile.Read(ref _toldAt)) >= Silence && await IsAllToldAsync(found, told, limit.Token))
            {
                Load();
            }

            return true;
        }
        catch (Exception fault) when (fault is NatsException or OperationCanceledException && !ct.IsCancellationRequested)
        {
            return true;
        }
    }

    // Whether nothing is there that was not told; what a leader says that is cut off need not be so. Entries without an age of their own go in their order, the last
    // of all when no other is left.
    private async Task<bool> IsAllToldAsync(StreamInfo found, ulong told, CancellationToken ct) =>
        Quorum.Follows(found.Cluster)
        && (found.State.Messages == 0 || found.State.LastSeq == told || (shape.HasOwnAges && !await HasAnyAfterAsync(told, ct)));

    private async Task<bool> HasAnyAfterAsync(ulong told, CancellationToken ct)
    {
        var stream = await link.JetStream.GetStreamAsync(StreamNames.BucketStream(shape.Name), cancellationToken: ct);
        return await MessageInStream.OfLeaderAsync(link, stream, StreamNames.BucketSubject(shape.Name, ">"), told + 1, ct) is not null;
    }
}
