using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Sdk.Hosting;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.KeyValueStore;
using Polly;

namespace Connectors.Cron.Cursors;

/// <summary>Cursors in the key-value bucket <c>OF_cron</c>, mirrored by a watch. Broker types do not leave this file.</summary>
internal sealed class KvCursorStore : BackgroundService, ICursorStore
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
    private readonly Mirror _mirror;
    private readonly TaskCompletionSource<INatsKVStore> _bucket = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile TaskCompletionSource _connected = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public KvCursorStore(NatsLink link, int replicas, TimeProvider time, Readiness readiness, ILogger<KvCursorStore> log)
    {
        (_link, _replicas, _time, _readiness, _log) = (link, replicas, time, readiness, log);
        _guard = Guard.Create("nats", RequestTimeout, time);
        _mirror = new Mirror(time);
        readiness.Announce(Condition);
        link.Connection.ConnectionDisconnected += (_, _) => Disconnected();
        link.Connection.ConnectionOpened += (_, _) => Connected();
    }

    public IReadOnlyCollection<string> WithClaims => _mirror.WithClaims;

    public async Task ReadyAsync(CancellationToken ct)
    {
        await _bucket.Task.WaitAsync(ct);
        await _connected.Task.WaitAsync(ct);
    }

    public Sighting? Seen(string key) => _mirror.Seen(key);

    public async Task<Sighting?> GetAsync(string key, CancellationToken ct)
    {
        var bucket = await _bucket.Task.WaitAsync(ct);
        return await _guard.ExecuteAsync(
            async token =>
            {
                var found = await bucket.TryGetEntryAsync<string>(key, cancellationToken: token);
                return found.Success ? _mirror.Note(key, Read(key, found.Value), found.Value.Revision)
                    : found.Error is NatsKVKeyNotFoundException or NatsKVKeyDeletedException ? null
                    : throw found.Error;
            },
            ct);
    }

    public async Task<bool> TryWriteAsync(string key, Cursor cursor, Sighting? seen, CancellationToken ct)
    {
        var bucket = await _bucket.Task.WaitAsync(ct);
        return await _guard.ExecuteAsync(
            async token =>
            {
                var written = seen is null
                    ? await bucket.TryCreateAsync(key, cursor.ToString(), cancellationToken: token)
                    : await bucket.TryUpdateAsync(key, cursor.ToString(), seen.Revision, cancellationToken: token);
                if (written.Success)
                {
                    _mirror.Note(key, cursor, written.Value);
                    return true;
                }

                return written.Error is NatsKVWrongLastRevisionException or NatsKVCreateException ? false : throw written.Error;
            },
            ct);
    }

    public Task ChangedAsync(CancellationToken ct) => _mirror.ChangedAsync(ct);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await _link.OpenAsync(stoppingToken);
                await WatchAsync(await OpenAsync(stoppingToken), stoppingToken);
            }
            catch (Exception fault) when (!stoppingToken.IsCancellationRequested)
            {
                Metrics.CursorFailed();
                Log.CursorsFailed(_log, StreamNames.Cron, fault.Message);
                await Task.Delay(RetryWait, _time, stoppingToken);
            }
        }
    }

    private ValueTask Connected()
    {
        _mirror.Restart();
        _connected.TrySetResult();
        return ValueTask.CompletedTask;
    }

    private ValueTask Disconnected()
    {
        _connected = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return ValueTask.CompletedTask;
    }

    private async Task<INatsKVStore> OpenAsync(CancellationToken ct)
    {
        var context = new NatsKVContext(_link.JetStream);
        var config = new NatsKVConfig(StreamNames.Cron) { History = 1, MaxAge = MaxAge, NumberOfReplicas = _replicas };
        try
        {
            return await context.CreateStoreAsync(config, ct);
        }
        catch (NatsJSApiException)
        {
            // There is one with other settings, which are its operator's business.
            return await context.GetStoreAsync(StreamNames.Cron, ct);
        }
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
                _mirror.Note(entry.Key, Read(entry.Key, entry), entry.Revision);
            }
            else
            {
                _mirror.Forget(entry.Key, entry.Revision);
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
}
