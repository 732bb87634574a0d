using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.KeyValueStore;
using Polly;

namespace Connectors.Cron.Cursors;

/// <summary>
/// Cursors in the key-value bucket <c>OF_cron</c>, followed by a watch. A watch does not tell when its bucket is gone, or is another one of the same name:
/// whenever a request fails, or the connection was lost, the bucket is opened and read anew. If it is another one, what this replica remembers is written
/// to it with the next claims, so that deleting the bucket costs no tick and fires none twice. Broker types do not leave this file.
/// </summary>
internal sealed class KvCursorStore : IDuty, ICursorStore
{
    /// <summary>The condition of readiness that the first reading of the bucket meets.</summary>
    public const string Condition = "cursors";

    // Longer than the rarest schedule that people use comes round; what is left of removed functions goes in the end.
    private static readonly TimeSpan MaxAge = TimeSpan.FromDays(400);
    private static readonly TimeSpan RetryWait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(2);

    private readonly NatsLink _link;
    private readonly int _replicas;
    private readonly TimeProvider _time;
    private readonly Readiness _readiness;
    private readonly ILogger<KvCursorStore> _log;
    private readonly ResiliencePipeline _guard;
    private readonly CursorCache _cache;

    // Completed by whoever finds that the bucket may not be what it was; completed with the bucket once all of it has been read.
    private volatile TaskCompletionSource<string> _doubt = Signal<string>();
    private volatile TaskCompletionSource<INatsKVStore> _bucket = Signal<INatsKVStore>();
    private DateTimeOffset? _created;

    public KvCursorStore(NatsLink link, int replicas, TimeProvider time, Readiness readiness, ILogger<KvCursorStore> log)
    {
        (_link, _replicas, _time, _readiness, _log) = (link, replicas, time, readiness, log);
        _guard = Guard.Create("nats", RequestTimeout, time);
        _cache = new CursorCache(time);
        readiness.Announce(Condition);
        link.Connection.ConnectionDisconnected += (_, _) => LostAsync("the connection is lost");
    }

    public IReadOnlyCollection<string> WithClaims => _cache.WithClaims;

    public async Task ReadyAsync(CancellationToken ct) => await _bucket.Task.WaitAsync(ct);

    public StoredCursor? Latest(string key) => _cache.Latest(key);

    public Task<StoredCursor?> GetAsync(string key, CancellationToken ct) => RequestAsync<StoredCursor?>(
        async (bucket, token) =>
        {
            var found = await bucket.TryGetEntryAsync<string>(key, cancellationToken: token);
            if (found.Success)
            {
                return found.Value.Revision >= (_cache.Latest(key)?.Revision ?? 0)
                    ? _cache.Note(key, Read(key, found.Value), found.Value.Revision, found.Value.Created)
                    : throw new InvalidOperationException("the bucket's revisions begin anew");
            }

            return found.Error is NatsKVKeyNotFoundException or NatsKVKeyDeletedException ? null : throw found.Error;
        },
        ct);

    public Task<bool> TryWriteAsync(string key, Cursor cursor, StoredCursor? replaces, CancellationToken ct) => RequestAsync(
        async (bucket, token) =>
        {
            var written = replaces is null or { Revision: 0 }
                ? await bucket.TryCreateAsync(key, cursor.ToString(), cancellationToken: token)
                : await bucket.TryUpdateAsync(key, cursor.ToString(), replaces.Revision, cancellationToken: token);
            if (written is { Success: true, Value: 0 })
            {
                // Servers before 2.11 may answer so for what they have not stored.
                throw new NatsException("it is not known whether the cursor was stored");
            }

            if (written.Success)
            {
                _cache.Note(key, cursor, written.Value, storedAt: null);
                return true;
            }

            return written.Error is NatsKVWrongLastRevisionException or NatsKVCreateException ? false : throw written.Error;
        },
        ct);

    public Task ChangedAsync(CancellationToken ct) => _cache.ChangedAsync(ct);

    /// <inheritdoc/>
    public async Task RunAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await _link.OpenAsync(stoppingToken);
                await FollowAsync(stoppingToken);
            }
            catch (Exception fault) when (!stoppingToken.IsCancellationRequested)
            {
                Metrics.CursorFailed();
                Log.CursorsFailed(_log, StreamNames.Cron, fault.Message);
            }

            await Task.Delay(RetryWait, _time, stoppingToken);
        }
    }

    // Opens the bucket and follows it until there is doubt about it.
    private async Task FollowAsync(CancellationToken ct)
    {
        var doubt = _doubt = Signal<string>();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(ct);
        try
        {
            var bucket = await OpenAsync(end.Token);
            var watching = WatchAsync(bucket, end.Token);
            if (await Task.WhenAny(watching, doubt.Task) == watching)
            {
                await watching;
            }
            else
            {
                Log.CursorsDoubted(_log, StreamNames.Cron, await doubt.Task);
                await end.CancelAsync();
                await watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
        finally
        {
            if (_bucket.Task.IsCompleted)
            {
                _bucket = Signal<INatsKVStore>();
            }

            _readiness.Lost(Condition, "they are read anew");
        }
    }

    private async Task<INatsKVStore> OpenAsync(CancellationToken ct)
    {
        var context = new NatsKVContext(_link.JetStream);
        var config = new NatsKVConfig(StreamNames.Cron) { History = 1, MaxAge = MaxAge, NumberOfReplicas = _replicas };
        INatsKVStore bucket;
        try
        {
            bucket = await context.CreateStoreAsync(config, ct);
        }
        catch (NatsJSApiException)
        {
            // There is one with other settings, which are its operator's business.
            bucket = await context.GetStoreAsync(StreamNames.Cron, ct);
        }

        var created = (await bucket.GetStatusAsync(ct)).Info.Created;
        if (_created is { } known && known != created)
        {
            Log.BucketReplaced(_log, StreamNames.Cron);
            _cache.Unstore();
        }

        _created = created;
        _cache.RestartLeases();
        return bucket;
    }

    private async Task WatchAsync(INatsKVStore bucket, CancellationToken ct)
    {
        var opts = new NatsKVWatchOpts
        {
            OnNoData = _ =>
            {
                Loaded(bucket);
                return ValueTask.FromResult(false);
            },
        };
        await foreach (var entry in bucket.WatchAsync<string>(opts: opts, cancellationToken: ct))
        {
            if (entry.Operation == NatsKVOperation.Put)
            {
                _cache.Note(entry.Key, Read(entry.Key, entry), entry.Revision, entry.Created);
            }
            else
            {
                _cache.Forget(entry.Key, entry.Revision);
            }

            if (entry.Delta == 0)
            {
                Loaded(bucket);
            }
        }
    }

    private void Loaded(INatsKVStore bucket)
    {
        if (_bucket.TrySetResult(bucket))
        {
            _readiness.Met(Condition);
            Log.CursorsLoaded(_log, StreamNames.Cron);
        }
    }

    private ValueTask LostAsync(string why)
    {
        _doubt.TrySetResult(why);
        return ValueTask.CompletedTask;
    }

    private async Task<T> RequestAsync<T>(Func<INatsKVStore, CancellationToken, ValueTask<T>> request, CancellationToken ct)
    {
        var bucket = await _bucket.Task.WaitAsync(ct);
        try
        {
            return await _guard.ExecuteAsync(token => request(bucket, token), ct);
        }
        catch (Exception fault) when (!ct.IsCancellationRequested)
        {
            _doubt.TrySetResult(fault.Message);
            throw;
        }
    }

    // What nobody can read stands for nothing missed.
    private Cursor Read(string key, NatsKVEntry<string> entry)
    {
        if (Cursor.TryParse(entry.Value ?? "") is { } cursor)
        {
            return cursor;
        }

        Log.CursorUnreadable(_log, key);
        return new Cursor(_time.GetUtcNow());
    }

    private static TaskCompletionSource<T> Signal<T>() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
