using System.Text;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Microsoft.Extensions.Logging;
using Polly;

namespace Connectors.Cron.Cursors;

/// <summary>
/// Cursors in the bucket <c>OF_cron</c>, followed by a watch. A watch tells only after a while that its bucket is gone, or is another one of the same name: whenever
/// a request fails, or the connection was lost, the bucket is opened and read anew. If it is another one, or back at an earlier state (power was lost, a copy or
/// a backup was put back), what this replica remembers is written to it with the next claims, so that neither costs a tick nor fires one twice.
/// </summary>
internal sealed class KvCursorStore : IDuty, ICursorStore
{
    /// <summary>The condition of readiness that the first reading of the bucket meets.</summary>
    public const string Condition = "cursors";

    private static readonly TimeSpan RetryWait = TimeSpan.FromSeconds(1);

    private readonly Bucket _bucket;
    private readonly TimeProvider _time;
    private readonly Readiness _readiness;
    private readonly ILogger<KvCursorStore> _log;
    private readonly ResiliencePipeline _guard;
    private readonly CursorCache _cache;

    // Completed by whoever finds that the bucket may not be what it was; completed once all of it has been read.
    private volatile TaskCompletionSource<string> _doubt = New<string>();
    private volatile TaskCompletionSource<bool> _loaded = New<bool>();
    private DateTimeOffset? _made;

    // From the opening of the bucket until all of it has been read.
    private Reading? _reading;

    public KvCursorStore(Bucket bucket, TimeProvider time, Readiness readiness, ILogger<KvCursorStore> log)
    {
        (_bucket, _time, _readiness, _log) = (bucket, time, readiness, log);
        _guard = Guard.Create("nats", Patience, time);
        _cache = new CursorCache(time);
        readiness.Announce(Condition);
    }

    /// <summary>How long one reading or writing may take.</summary>
    public static TimeSpan Patience => TimeSpan.FromSeconds(2);

    public IReadOnlyCollection<string> WithClaims => _cache.WithClaims;

    public async Task ReadyAsync(CancellationToken ct) => await _loaded.Task.WaitAsync(ct);

    public StoredCursor? Latest(string key) => _cache.Latest(key);

    public Task<StoredCursor?> GetAsync(string key, CancellationToken ct) => RequestAsync(
        async token =>
        {
            if (await _bucket.FindAsync(key, token) is not { Value: { } value } found)
            {
                return null;
            }

            // An older one than is known is doubted: the reading that follows takes the bucket's revisions for what they are.
            return found.Revision >= (_cache.Latest(key)?.Revision ?? 0)
                ? _cache.Note(key, Read(key, value), found.Revision, found.Created)
                : throw new InvalidOperationException("the bucket's revisions begin anew");
        },
        ct);

    public Task<bool> TryWriteAsync(string key, Cursor cursor, StoredCursor? replaces, CancellationToken ct) => RequestAsync(
        async token =>
        {
            var value = Encoding.UTF8.GetBytes(cursor.ToString());
            var written = replaces is null or { Revision: 0 }
                ? await _bucket.TryCreateAsync(key, value, token)
                : await _bucket.TryUpdateAsync(key, value, replaces.Revision, token);
            if (written is { } revision)
            {
                _cache.Note(key, cursor, revision, storedAt: null);
            }

            return written is not null;
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
        var (doubt, disconnected) = (_doubt = New<string>(), _bucket.Disconnected);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(ct);
        try
        {
            await OpenAsync(end.Token);
            var watching = _bucket.WatchAsync(Take, Loaded, end.Token);
            var ended = await Task.WhenAny(watching, doubt.Task, disconnected);
            if (ended == watching)
            {
                await watching;
            }
            else
            {
                Log.CursorsDoubted(_log, StreamNames.Cron, ended == disconnected ? "the connection is lost" : await doubt.Task);
                await end.CancelAsync();
                await watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
        finally
        {
            if (_loaded.Task.IsCompleted)
            {
                _loaded = New<bool>();
            }

            _readiness.Lost(Condition, "they are read anew");
        }
    }

    private async Task OpenAsync(CancellationToken ct)
    {
        var made = await _bucket.OpenAsync(ct);
        if (_made is { } known && known != made)
        {
            Log.BucketReplaced(_log, StreamNames.Cron);
            _cache.Unstore();
        }

        _made = made;
        _cache.RestartLeases();
        _reading = new Reading(_cache.All, new Dictionary<string, BucketEntry>(StringComparer.Ordinal));
    }

    private void Take(BucketEntry entry)
    {
        if (_reading is { } reading)
        {
            reading.Found[entry.Key] = entry;
        }
        else
        {
            Note(entry);
        }
    }

    private void Note(BucketEntry entry)
    {
        if (entry.Value is { } value)
        {
            _cache.Note(entry.Key, Read(entry.Key, value), entry.Revision, entry.Created);
        }
        else
        {
            _cache.Forget(entry.Key, entry.Revision);
        }
    }

    private void Loaded()
    {
        if (_reading is { } reading)
        {
            _reading = null;
            Settle(reading);
        }

        if (_loaded.TrySetResult(true))
        {
            _readiness.Met(Condition);
            Log.CursorsLoaded(_log, StreamNames.Cron);
        }
    }

    // All at once: only all of it together tells whether the bucket is what it was.
    private void Settle(Reading reading)
    {
        if (_cache.Unstore(reading.Known, reading.Found.ToDictionary(one => one.Key, one => one.Value.Revision, StringComparer.Ordinal)))
        {
            Log.BucketWentBack(_log, StreamNames.Cron);
        }

        foreach (var entry in reading.Found.Values)
        {
            Note(entry);
        }
    }

    private async Task<T> RequestAsync<T>(Func<CancellationToken, Task<T>> request, CancellationToken ct)
    {
        await ReadyAsync(ct);
        try
        {
            return await _guard.ExecuteAsync(async token => await request(token), ct);
        }
        catch (Exception fault) when (!ct.IsCancellationRequested)
        {
            _doubt.TrySetResult(fault.Message);
            throw;
        }
    }

    // What nobody can read stands for nothing missed.
    private Cursor Read(string key, byte[] value)
    {
        if (Cursor.TryParse(Encoding.UTF8.GetString(value)) is { } cursor)
        {
            return cursor;
        }

        Log.CursorUnreadable(_log, key);
        return new Cursor(_time.GetUtcNow());
    }

    private static TaskCompletionSource<T> New<T>() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>A reading of the whole bucket.</summary>
    /// <param name="Known">What was known when it began.</param>
    /// <param name="Found">The last news of each key.</param>
    private sealed record Reading(Dictionary<string, StoredCursor> Known, Dictionary<string, BucketEntry> Found);
}
