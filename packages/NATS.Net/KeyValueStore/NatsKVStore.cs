using System.Buffers;
using System.Globalization;
using System.Runtime.CompilerServices;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace NATS.Client.KeyValueStore;

public class NatsKVStore : INatsKVStore
{
    internal const string OperationHeader = "KV-Operation";

    /// <summary>The server's error for a message whose expected last sequence is not the last.</summary>
    private const int WrongLastSequence = 10071;

    private static readonly SearchValues<char> KeyChars = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-/_=.");

    private readonly NatsJSContext _context;
    private readonly INatsJSStream _stream;

    internal NatsKVStore(string bucket, NatsJSContext context, INatsJSStream stream)
    {
        Bucket = bucket;
        _context = context;
        _stream = stream;
    }

    public INatsJSContext JetStreamContext => _context;

    public string Bucket { get; }

    public async ValueTask<ulong> PutAsync<T>(string key, T value, INatsSerialize<T>? serializer = default, CancellationToken cancellationToken = default) =>
        (await TryPutAsync(key, value, serializer, cancellationToken).ConfigureAwait(false)).GetOrThrow();

    public ValueTask<NatsResult<ulong>> TryPutAsync<T>(string key, T value, INatsSerialize<T>? serializer = default, CancellationToken cancellationToken = default) =>
        WriteAsync(key, value, serializer, opts: null, headers: null, cancellationToken);

    public async ValueTask<ulong> CreateAsync<T>(string key, T value, INatsSerialize<T>? serializer = default, CancellationToken cancellationToken = default) =>
        (await TryCreateAsync(key, value, serializer, cancellationToken).ConfigureAwait(false)).GetOrThrow();

    public async ValueTask<NatsResult<ulong>> TryCreateAsync<T>(string key, T value, INatsSerialize<T>? serializer = default, CancellationToken cancellationToken = default)
    {
        var created = await TryUpdateAsync(key, value, revision: 0, serializer, cancellationToken).ConfigureAwait(false);
        if (created.Success || created.Error is not NatsKVWrongLastRevisionException)
            return created;

        // A deleted key still has its marker: replace exactly that.
        var existing = await TryGetEntryAsync(key, serializer: NatsRawSerializer<byte[]>.Default, cancellationToken: cancellationToken).ConfigureAwait(false);
        if (existing.Success || existing.Error is not NatsKVKeyDeletedException deleted)
            return existing.Success ? new NatsKVCreateException() : existing.Error;
        var again = await TryUpdateAsync(key, value, deleted.Revision, serializer, cancellationToken).ConfigureAwait(false);
        return again.Success || again.Error is not NatsKVWrongLastRevisionException ? again : new NatsKVCreateException();
    }

    public async ValueTask<ulong> UpdateAsync<T>(string key, T value, ulong revision, INatsSerialize<T>? serializer = default, CancellationToken cancellationToken = default) =>
        (await TryUpdateAsync(key, value, revision, serializer, cancellationToken).ConfigureAwait(false)).GetOrThrow();

    public ValueTask<NatsResult<ulong>> TryUpdateAsync<T>(string key, T value, ulong revision, INatsSerialize<T>? serializer = default, CancellationToken cancellationToken = default) =>
        WriteAsync(key, value, serializer, new NatsJSPubOpts { ExpectedLastSubjectSequence = revision }, headers: null, cancellationToken);

    public async ValueTask DeleteAsync(string key, NatsKVDeleteOpts? opts = default, CancellationToken cancellationToken = default)
    {
        var result = await TryDeleteAsync(key, opts, cancellationToken).ConfigureAwait(false);
        if (!result.Success)
            throw result.Error;
    }

    public async ValueTask<NatsResult> TryDeleteAsync(string key, NatsKVDeleteOpts? opts = default, CancellationToken cancellationToken = default)
    {
        var headers = opts is { Purge: true }
            ? new NatsHeaders { [OperationHeader] = "PURGE", ["Nats-Rollup"] = "sub" }
            : new NatsHeaders { [OperationHeader] = "DEL" };
        var expected = opts is { Revision: > 0 } ? new NatsJSPubOpts { ExpectedLastSubjectSequence = opts.Revision } : null;
        var result = await WriteAsync(key, ReadOnlyMemory<byte>.Empty, NatsRawSerializer<ReadOnlyMemory<byte>>.Default, expected, headers, cancellationToken).ConfigureAwait(false);
        return result.Success ? NatsResult.Default : new NatsResult(result.Error);
    }

    public ValueTask PurgeAsync(string key, NatsKVDeleteOpts? opts = default, CancellationToken cancellationToken = default) =>
        DeleteAsync(key, (opts ?? new NatsKVDeleteOpts()) with { Purge = true }, cancellationToken);

    public ValueTask<NatsResult> TryPurgeAsync(string key, NatsKVDeleteOpts? opts = default, CancellationToken cancellationToken = default) =>
        TryDeleteAsync(key, (opts ?? new NatsKVDeleteOpts()) with { Purge = true }, cancellationToken);

    public async ValueTask<NatsKVEntry<T>> GetEntryAsync<T>(string key, ulong revision = default, INatsDeserialize<T>? serializer = default, CancellationToken cancellationToken = default) =>
        (await TryGetEntryAsync(key, revision, serializer, cancellationToken).ConfigureAwait(false)).GetOrThrow();

    public async ValueTask<NatsResult<NatsKVEntry<T>>> TryGetEntryAsync<T>(string key, ulong revision = default, INatsDeserialize<T>? serializer = default, CancellationToken cancellationToken = default)
    {
        var subject = SubjectOf(key);
        var request = revision == 0
            ? new StreamMsgGetRequest { LastBySubj = subject }
            : new StreamMsgGetRequest { Seq = revision, NextBySubj = subject };
        NatsMsg<T> msg;
        try
        {
            msg = await _stream.GetDirectAsync(request, serializer, cancellationToken).ConfigureAwait(false);
        }
        catch (NatsException exception)
        {
            return exception;
        }

        if (msg.Headers is not { } headers)
            return new NatsKVException("Missing headers");
        if (headers.Code == 404)
            return NatsKVKeyNotFoundException.Default;
        if (!headers.TryGetLastValue("Nats-Sequence", out var sequence) || !ulong.TryParse(sequence, NumberStyles.None, CultureInfo.InvariantCulture, out var found)
            || !headers.TryGetLastValue("Nats-Time-Stamp", out var time) || !DateTimeOffset.TryParse(time, CultureInfo.InvariantCulture, out var created))
        {
            return new NatsKVException("Missing sequence or timestamp header");
        }

        if (revision != 0 && found != revision)
            return NatsKVKeyNotFoundException.Default;
        if (OperationOf(headers) != NatsKVOperation.Put)
            return new NatsKVKeyDeletedException(found);
        return new NatsKVEntry<T>(Bucket, key) { Value = msg.Data, Revision = found, Created = created, Error = msg.Error };
    }

    public IAsyncEnumerable<NatsKVEntry<T>> WatchAsync<T>(string key, INatsDeserialize<T>? serializer = default, NatsKVWatchOpts? opts = default, CancellationToken cancellationToken = default) =>
        WatchAsync([key], serializer, opts, cancellationToken);

    public IAsyncEnumerable<NatsKVEntry<T>> WatchAsync<T>(INatsDeserialize<T>? serializer = default, NatsKVWatchOpts? opts = default, CancellationToken cancellationToken = default) =>
        WatchAsync([">"], serializer, opts, cancellationToken);

    public async IAsyncEnumerable<NatsKVEntry<T>> WatchAsync<T>(IEnumerable<string> keys, INatsDeserialize<T>? serializer = default, NatsKVWatchOpts? opts = default, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        opts ??= NatsKVWatchOpts.Default;
        var watcher = new KVWatcher<T>(_context, Bucket, _stream.Info.Config.Name!, keys, opts, serializer);
        var isEmpty = true;
        await foreach (var entry in watcher.EntriesAsync(cancellationToken).ConfigureAwait(false))
        {
            if (entry is not { } found)
            {
                if ((isEmpty || opts.IgnoreDeletes) && opts.OnNoData is { } onNoData && await onNoData(cancellationToken).ConfigureAwait(false))
                    yield break;
                continue;
            }

            isEmpty = false;
            if (!opts.IgnoreDeletes || found.Operation == NatsKVOperation.Put)
            {
                yield return found;
            }
        }
    }

    public async IAsyncEnumerable<NatsKVEntry<T>> HistoryAsync<T>(string key, INatsDeserialize<T>? serializer = default, NatsKVWatchOpts? opts = default, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        opts = (opts ?? NatsKVWatchOpts.Default) with { IncludeHistory = true };
        await foreach (var entry in PresentAsync([key], serializer, opts, cancellationToken).ConfigureAwait(false))
            yield return entry;
    }

    public async ValueTask<NatsKVStatus> GetStatusAsync(CancellationToken cancellationToken = default)
    {
        await _stream.RefreshAsync(cancellationToken).ConfigureAwait(false);
        return new NatsKVStatus(Bucket, _stream.Info.Config.Compression != StreamConfigCompression.None, TimeSpan.Zero, _stream.Info);
    }

    public async ValueTask PurgeDeletesAsync(NatsKVPurgeOpts? opts = default, CancellationToken cancellationToken = default)
    {
        opts ??= NatsKVPurgeOpts.Default;
        var limit = DateTimeOffset.UtcNow - opts.DeleteMarkersThreshold;
        var deleted = new List<NatsKVEntry<byte[]>>();
        await foreach (var entry in PresentAsync([">"], NatsRawSerializer<byte[]>.Default, new NatsKVWatchOpts { MetaOnly = true }, cancellationToken).ConfigureAwait(false))
        {
            if (entry.Operation != NatsKVOperation.Put)
                deleted.Add(entry);
        }

        foreach (var entry in deleted)
        {
            var young = opts.DeleteMarkersThreshold > TimeSpan.Zero && entry.Created > limit;
            await _stream.PurgeAsync(new StreamPurgeRequest { Filter = SubjectOf(entry.Key), Keep = young ? 1UL : 0 }, cancellationToken).ConfigureAwait(false);
        }
    }

    public IAsyncEnumerable<string> GetKeysAsync(NatsKVWatchOpts? opts = default, CancellationToken cancellationToken = default) =>
        GetKeysAsync([">"], opts, cancellationToken);

    public async IAsyncEnumerable<string> GetKeysAsync(IEnumerable<string> filters, NatsKVWatchOpts? opts = default, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        opts = (opts ?? NatsKVWatchOpts.Default) with { IgnoreDeletes = true, MetaOnly = true, IncludeHistory = false };
        await foreach (var entry in PresentAsync(filters, NatsRawSerializer<byte[]>.Default, opts, cancellationToken).ConfigureAwait(false))
        {
            if (entry.Operation == NatsKVOperation.Put)
                yield return entry.Key;
        }
    }

    internal static NatsKVOperation OperationOf(NatsHeaders? headers)
    {
        if (headers is null)
            return NatsKVOperation.Put;
        if (headers.TryGetLastValue(OperationHeader, out var operation))
            return Enum.TryParse<NatsKVOperation>(operation, ignoreCase: true, out var known) ? known : NatsKVOperation.Put;
        return NatsKVOperation.Put;
    }

    private async IAsyncEnumerable<NatsKVEntry<T>> PresentAsync<T>(IEnumerable<string> keys, INatsDeserialize<T>? serializer, NatsKVWatchOpts opts, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var watcher = new KVWatcher<T>(_context, Bucket, _stream.Info.Config.Name!, keys, opts, serializer);
        await foreach (var entry in watcher.EntriesAsync(cancellationToken).ConfigureAwait(false))
        {
            if (entry is not { } found)
                yield break;
            yield return found;
        }
    }

    private async ValueTask<NatsResult<ulong>> WriteAsync<T>(string key, T value, INatsSerialize<T>? serializer, NatsJSPubOpts? opts, NatsHeaders? headers, CancellationToken cancellationToken)
    {
        var result = await _context.TryPublishAsync(SubjectOf(key), value, serializer, opts, headers, cancellationToken).ConfigureAwait(false);
        if (!result.Success)
            return result.Error;
        return result.Value switch
        {
            { Error.ErrCode: WrongLastSequence } => new NatsKVWrongLastRevisionException(),
            { Error: { } error } => new NatsJSApiException(error),
            { Duplicate: true, Seq: var sequence } => new NatsJSDuplicateMessageException(sequence),
            var ack => ack.Seq,
        };
    }

    private string SubjectOf(string key)
    {
        if (string.IsNullOrEmpty(key))
            throw new NatsKVException("Key cannot be empty");
        if (key.StartsWith('.') || key.EndsWith('.'))
            throw new NatsKVException("Key cannot start or end with a period");
        if (key.AsSpan().ContainsAnyExcept(KeyChars))
            throw new NatsKVException("Key contains invalid characters");
        return $"$KV.{Bucket}.{key}";
    }
}
