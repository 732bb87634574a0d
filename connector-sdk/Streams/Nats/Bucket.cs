using Connectors.Sdk.Hosting;
using Connectors.Streams.Records;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using NATS.Client.KeyValueStore;

namespace Connectors.Streams.Nats;

/// <summary>
/// A key-value bucket of ours. It is made if nobody did yet, and made again if somebody deleted it. Whatever it cannot do ends in a
/// <see cref="NatsException"/> within <paramref name="patience"/>.
/// </summary>
/// <param name="link">The connection.</param>
/// <param name="shape">What it is made like.</param>
/// <param name="patience">How long a reading or a writing may take.</param>
/// <param name="time">The clock.</param>
public sealed class Bucket(NatsLink link, BucketShape shape, TimeSpan patience, TimeProvider time)
{
    // What the server says to a message with an age of its own, where it is not told to heed them.
    private const int AgesOff = 10166;

    // To one that it cannot store; its words say why.
    private const int NotStored = 10077;

    // And to one that was to follow another than the last of its key.
    private const int WrongLast = 10071;
    private const int WrongLastForNow = 10164;

    // A bucket that is busy for a moment, or may not be changed, does not say which.
    private static readonly TimeSpan AskAgain = TimeSpan.FromMinutes(1);

    private static readonly NatsRawSerializer<byte[]> Raw = NatsRawSerializer<byte[]>.Default;

    private volatile INatsKVStore? _store;

    // Of which store it is known whether it heeds ages, and when that was asked in vain.
    private volatile INatsKVStore? _askedOf;
    private volatile bool _heedsAges;
    private long _askedInVain;
    private volatile INatsJSStream? _stream;

    // Of which store it is known that it is as the shape has it, when that was tried last and did not come about, and what the server refused then.
    private volatile INatsKVStore? _inLine;
    private long _triedAt;
    private volatile BucketRefusal _refused = BucketRefusal.None;

    /// <summary>
    /// Whether what finds the bucket gone makes it again and goes on. False for those who remember what was in it: their reading or writing fails, and
    /// <see cref="OpenAsync(CancellationToken)"/> tells them that it is another one.
    /// </summary>
    public bool IsMadeAgain { get; init; } = true;

    /// <summary>Completes when the connection is lost that is there now, or comes next. A bucket may be another one behind the connection that follows.</summary>
    public Task Disconnected => link.Disconnected;

    /// <summary>Waits for the connection, makes the bucket unless it is there, and tells when it was made: by that one is told from another of its name.</summary>
    public async Task<DateTimeOffset> OpenAsync(CancellationToken ct)
    {
        await link.OpenAsync(ct);
        _store = null;
        return await UseAsync(async (store, token) => (await store.GetStatusAsync(token)).Info.Created, ct);
    }

    /// <summary>Writes a value; returns its revision.</summary>
    public Task<ulong> PutAsync(string key, byte[] value, CancellationToken ct) =>
        UseAsync(async (store, token) => Stored(await store.PutAsync(key, value, Raw, token)), ct);

    /// <summary>Writes a value that is to go after a time of its own, if that is sooner than the bucket's; returns its revision. An old server lets it lie.</summary>
    public Task<ulong> PutAsync(string key, byte[] value, TimeSpan keep, CancellationToken ct) => UseAsync(
        async (store, token) => keep < shape.MaxAge && await HeedsAgesAsync(store, token) && await TryPutAsync(key, value, keep, token) is { } revision
            ? revision
            : Stored(await store.PutAsync(key, value, Raw, token)),
        ct);

    /// <summary>Writes a value if there is none; returns its revision, null if there is one, or was until just now.</summary>
    public Task<ulong?> TryCreateAsync(string key, byte[] value, CancellationToken ct) => UseAsync<ulong?>(
        async (store, token) =>
        {
            var created = await store.TryCreateAsync(key, value, Raw, token);
            if (!created.Success && created.Error is NatsKVKeyNotFoundException or NatsKVWrongLastRevisionException)
            {
                // The client says the one of every refusal, a full bucket's too, where it then finds nothing under the key; the other also where what it found there
                // was a deletion that goes just then. The answer to this write says which it was.
                created = await store.TryUpdateAsync(key, value, revision: 0, Raw, token);
            }

            return created.Success ? Stored(created.Value) : created.Error is NatsKVCreateException or NatsKVWrongLastRevisionException ? null : throw created.Error;
        },
        ct);

    /// <summary>Writes a value if what is there still has <paramref name="revision"/>; returns the new one, null if it has not.</summary>
    public Task<ulong?> TryUpdateAsync(string key, byte[] value, ulong revision, CancellationToken ct) => UseAsync<ulong?>(
        async (store, token) =>
        {
            var updated = await store.TryUpdateAsync(key, value, revision, Raw, token);
            return updated.Success ? Stored(updated.Value) : updated.Error is NatsKVWrongLastRevisionException ? null : throw updated.Error;
        },
        ct);

    /// <summary>
    /// What is stored under a key; null for nothing. Any of the bucket's servers answers, and one that lags may not know the key yet: that there is nothing is
    /// said by the leader alone. A value may be an older one; a write by its revision is refused then.
    /// </summary>
    public Task<BucketEntry?> FindAsync(string key, CancellationToken ct) => UseAsync((store, token) => LookUpAsync(store, key, token), ct);

    /// <summary>The time by the server's clock; null if there is no bucket, or the server does not say.</summary>
    public Task<DateTimeOffset?> TimeAsync(CancellationToken ct) =>
        UseAsync<DateTimeOffset?>(async (_, token) => await BucketSetup.FindAsync(link, shape, token) is { Ts: var now } && now != default ? now : null, ct);

    /// <summary>Deletes a key if what is there still has <paramref name="revision"/>; returns the revision of its deletion, null if it has not.</summary>
    public Task<ulong?> TryDeleteAsync(string key, ulong revision, CancellationToken ct) => UseAsync((store, token) => MarkAsync(store, key, revision, token), ct);

    /// <summary>Deletes a key; returns the revision of its deletion, null if there is none, for which nothing is written.</summary>
    public Task<ulong?> DeleteAsync(string key, CancellationToken ct) => UseAsync(
        async (store, token) => await LookUpAsync(store, key, token) is null ? null : await MarkAsync(store, key, revision: null, token), ct);

    /// <summary>
    /// Removes what is left of entries that were deleted longer ago than <see cref="BucketShape.MarkerAge"/>, where no server does it by itself; returns how many
    /// these were. Of as many as cannot be removed at once the rest is for the next sweep.
    /// </summary>
    public Task<int> SweepAsync(CancellationToken ct) => UseAsync((store, token) => BucketMarkers.SweepAsync(link, store, shape, token), ct);

    /// <summary>All keys, by one request that leaves no consumer behind; among them those of entries that were deleted.</summary>
    public Task<IReadOnlyList<string>> KeysAsync(CancellationToken ct) => UseAsync<IReadOnlyList<string>>(
        async (_, token) =>
        {
            var prefix = StreamNames.BucketSubject(shape.Name, "");
            var found = await link.WithSubjectsAsync(StreamNames.BucketStream(shape.Name), $"{prefix}>", token);
            return [.. (found.State.Subjects ?? new Dictionary<string, long>()).Keys.Select(subject => subject[prefix.Length..])];
        },
        ct);

    /// <summary>How far it is. Whoever watches knows all once it was told the last revision.</summary>
    public Task<BucketState> StateAsync(CancellationToken ct) => UseAsync(
        async (_, token) => await BucketSetup.FindAsync(link, shape, token) is { State: var state } ? new BucketState(state.LastSeq, state.NumSubjects) : new BucketState(0, 0),
        ct);

    /// <summary>
    /// Waits for the connection, tells what is there and then every change, until it is cancelled, the connection is lost or the bucket is gone, is another one
    /// or lost its latest entries, which is noticed after some seconds; to be called again then, which makes the bucket again and tells all of it.
    /// </summary>
    /// <param name="changed">Called for each entry, oldest first; one without a value was deleted.</param>
    /// <param name="loaded">Called once all that was there has been told; some seconds later where the last of it went before it could be.</param>
    /// <param name="ct">Ends it.</param>
    public async Task WatchAsync(Action<BucketEntry> changed, Action loaded, CancellationToken ct)
    {
        var lost = link.Disconnected;
        await link.OpenAsync(ct);
        var (store, begun) = await UseAsync(async (opened, token) => (opened, await BucketSetup.FindAsync(link, shape, token)), ct);
        var watch = new BucketWatch(link, shape, store, time)
        {
            Begun = begun,
            Patience = patience,
            Changed = changed,
            Loaded = loaded,
            BringInLine = token => BringInLineAsync(store, token),
            Gone = Forget,
        };
        await watch.RunAsync(lost, ct);
    }

    /// <summary>An entry, or a deletion, as the client tells of it.</summary>
    internal static BucketEntry Entry(NatsKVEntry<byte[]> entry) =>
        new(entry.Key, entry.Operation == NatsKVOperation.Put ? entry.Value ?? [] : null, entry.Revision, entry.Created);

    /// <summary>Whether there is no such bucket, or nobody who answers for it.</summary>
    internal static bool IsGone(NatsException fault) =>
        fault is NatsNoRespondersException or NatsJSPublishNoResponseException or NatsJSApiNoResponseException or NatsJSApiException { Error.ErrCode: BucketSetup.NoSuchStream };

    private void Forget()
    {
        if (IsMadeAgain)
        {
            _store = null;
        }
    }

    // As the client does it, which knows of such ages for new keys only. Null if the bucket was made anew, and heeds none.
    private async Task<ulong?> TryPutAsync(string key, byte[] value, TimeSpan keep, CancellationToken ct)
    {
        var answer = await WriteAsync(key, value, new NatsHeaders { [BucketMarkers.AgeHeader] = BucketMarkers.Seconds(keep) }, ct);
        if (answer.Error is { ErrCode: AgesOff })
        {
            _store = null;
            return null;
        }

        answer.EnsureSuccess();
        return Stored(answer.Seq);
    }

    // As the client does it, which lets no marker have an age where entries whose age is over leave none. Null if the key has another revision.
    private async Task<ulong?> MarkAsync(INatsKVStore store, string key, ulong? revision, CancellationToken ct)
    {
        TimeSpan? age = shape.MarkerAge > TimeSpan.Zero && await HeedsAgesAsync(store, ct) ? shape.MarkerAge : null;
        var answer = await WriteAsync(key, [], BucketMarkers.Headers(revision, age), ct);
        if (answer.Error is { ErrCode: AgesOff })
        {
            _store = null;
            answer = await WriteAsync(key, [], BucketMarkers.Headers(revision, age: null), ct);
        }

        if (answer.Error is { ErrCode: NotStored, Description: var why } && why?.Contains("maximum bytes", StringComparison.Ordinal) == true)
        {
            // In a full bucket it may be no larger than what it takes the place of, which may be short. One on several
            // servers takes none at all, from nats-server 2.12 on.
            answer = await WriteAsync(key, [], BucketMarkers.LeastHeaders(revision), ct);
        }

        if (answer.Error is { ErrCode: WrongLast or WrongLastForNow })
        {
            return null;
        }

        answer.EnsureSuccess();
        return Stored(answer.Seq);
    }

    private async Task<PubAckResponse> WriteAsync(string key, byte[] value, NatsHeaders headers, CancellationToken ct)
    {
        var written = await link.JetStream.TryPublishAsync(StreamNames.BucketSubject(shape.Name, key), value, Raw, opts: null, headers, ct);
        return written.Success ? written.Value : throw written.Error;
    }

    private async Task<BucketEntry?> LookUpAsync(INatsKVStore store, string key, CancellationToken ct)
    {
        var found = await link.Lookups.UseAsync(link.MaxPayload, () => store.TryGetEntryAsync(key, serializer: Raw, cancellationToken: ct).AsTask(), ct);
        return found.Success ? Entry(found.Value)
            : found.Error is NatsKVKeyNotFoundException or NatsKVKeyDeletedException ? await AskLeaderAsync(store, key, ct)
            : throw found.Error;
    }

    private async Task<BucketEntry?> AskLeaderAsync(INatsKVStore store, string key, CancellationToken ct)
    {
        try
        {
            var stream = _stream ??= await store.JetStreamContext.GetStreamAsync(StreamNames.BucketStream(shape.Name), cancellationToken: ct);
            var last = await link.AskLeaderAsync(stream, new StreamMsgGetRequest { LastBySubj = StreamNames.BucketSubject(shape.Name, key) }, ct);
            return BucketMarkers.IsOne(last.Hdrs) ? null : new BucketEntry(key, last.Data.ToArray(), last.Seq, last.Time);
        }
        catch (NatsJSApiException none) when (none.IsNotFound() && none.Error.ErrCode != BucketSetup.NoSuchStream)
        {
            return null;
        }
    }

    // Servers before 2.11 may answer with no revision for what they have not stored.
    private static ulong Stored(ulong revision) => revision > 0 ? revision : throw new NatsException("It is not known whether the value was stored");

    private async Task<T> UseAsync<T>(Func<INatsKVStore, CancellationToken, Task<T>> use, CancellationToken ct)
    {
        // The client may send a request of a caller who has cancelled, and have its answer before it looks.
        ct.ThrowIfCancellationRequested();
        using var limit = new TimeLimit(patience, time, ct);
        try
        {
            for (var wasGone = false; ; wasGone = true)
            {
                await link.OpenAsync(limit.Token);
                var store = _store ??= await BucketSetup.OpenAsync(link, shape, limit.Token);
                try
                {
                    await BringInLineAsync(store, limit.Token);
                    return await use(store, limit.Token);
                }
                catch (NatsException fault) when (IsMadeAgain && !wasGone && IsGone(fault))
                {
                    _store = null;
                }
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new NatsException($"The bucket {shape.Name} does not answer{(link.IsOpen ? "" : $": {link.Trouble}")}");
        }
    }

    // Once it is opened, and once a minute for as long as the server refuses some of it; by one of those who use it.
    private async Task BringInLineAsync(INatsKVStore store, CancellationToken ct)
    {
        var last = Interlocked.Read(ref _triedAt);
        if (shape is { Replicas: 1, MaxBytes: 0 } || _inLine == store || (last != 0 && time.GetElapsedTime(last) < AskAgain)
            || Interlocked.CompareExchange(ref _triedAt, time.GetTimestamp(), last) != last)
        {
            return;
        }

        try
        {
            _refused = await BucketSetup.BringInLineAsync(link, shape, _refused, time, ct);
            if (_refused == BucketRefusal.None)
            {
                _inLine = store;
                Interlocked.Exchange(ref _triedAt, 0);
            }
        }
        catch (NatsException)
        {
            // It cannot be looked at, which whoever uses it meets too.
        }
    }

    private async Task<bool> HeedsAgesAsync(INatsKVStore store, CancellationToken ct)
    {
        var last = Interlocked.Read(ref _askedInVain);
        if (_askedOf != store && (last == 0 || time.GetElapsedTime(last) > AskAgain))
        {
            if (await BucketSetup.HeedsAgesAsync(link, shape, time, ct) is { } heeds)
            {
                (_heedsAges, _askedOf) = (heeds, store);
            }
            else
            {
                Interlocked.Exchange(ref _askedInVain, time.GetTimestamp());
            }
        }

        return _askedOf == store && _heedsAges;
    }
}
