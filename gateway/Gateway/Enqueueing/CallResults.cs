using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace Connectors.Gateway.Enqueueing;

/// <summary>Stored results in <c>OF_results</c>, by call id (R3 of docs/delivery-states.md).</summary>
internal sealed class CallResults(NatsLink link, QueueOptions options, TimeProvider time)
{
    private const int MaxPurges = 10_000;

    private static readonly TimeSpan ForgetLimit = TimeSpan.FromSeconds(2);

    // For how long a record is looked for of which no answer came, how often at most while NATS answers, and how many at once.
    private static readonly TimeSpan SettleLimit = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan MinPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MaxPause = TimeSpan.FromSeconds(10);
    private const int MaxLooks = 6;
    private const int MaxSettling = 1_000;

    // How long what is known of a purge is good for: callers that wait for results ask again and again.
    private static readonly TimeSpan PurgeAge = TimeSpan.FromSeconds(1);

    private readonly Bucket _bucket = new(link, BucketShape.Results(options.Limits), options.PublishTimeout, time);

    // The revisions at which the last purges began, by their keys, 0 for none, and when they were read.
    private readonly ConcurrentDictionary<string, (ulong Revision, long Read)> _purges = new();

    private int _settling;

    /// <summary>What says that a call is on its way. Nothing is written yet.</summary>
    public QueuedRecord Begin(string queue, Envelope envelope)
    {
        // A call may wait longer than its result is to be kept.
        var record = new StoredResult { State = StoredResult.Queued, Function = envelope.FunctionName.ToString(), Queue = queue, Expires = time.GetUtcNow() + BucketShape.MaxResultAge };
        return new QueuedRecord(StreamNames.Token(envelope.CallId), record.Encode([]));
    }

    /// <summary>Says that the call is known, before it is published: whoever got a 202 finds it.</summary>
    /// <param name="record">What says so. Also where this throws, it may be stored, and <see cref="ForgetAsync"/> takes it back.</param>
    /// <param name="mayRepeat">Whether it may turn out to be an earlier call once more: that one's result is not overwritten.</param>
    /// <param name="ct">Cancels it.</param>
    public async Task QueueAsync(QueuedRecord record, bool mayRepeat, CancellationToken ct)
    {
        using var limit = new TimeLimit(options.PublishTimeout, time, ct);
        while (true)
        {
            // What others write or delete meanwhile, or a server that lags, begins it anew; but the caller waits.
            limit.Token.ThrowIfCancellationRequested();
            record.Begin(over: 0, earlier: null, isOfOthers: false);
            if (await WriteAsync(record, _bucket.TryCreateAsync(record.Key, record.Value, limit.Token)) is { } created)
            {
                record.Stored(created);
                return;
            }

            if (await _bucket.FindAsync(record.Key, limit.Token) is not { } found)
            {
                continue;
            }

            if (record.IsIn(found))
            {
                // It was stored before, and the answer lost.
                record.Stored(found.Revision);
                return;
            }

            record.Refused();
            var known = (await DecodeAsync(found, limit.Token))?.Record;
            if (mayRepeat && known is not null && known.State is not (StoredResult.Queued or StoredResult.Purged))
            {
                return;
            }

            // One that was purged is put back as such: it was queued before the purge, and would not be by its new revision.
            var earlier = known switch { null => null, { State: StoredResult.Purged } => known.Encode([]), _ => found.Value };
            record.Begin(found.Revision, earlier, isOfOthers: known?.State == StoredResult.Queued);
            if (await WriteAsync(record, _bucket.TryUpdateAsync(record.Key, record.Value, found.Revision, limit.Token)) is { } updated)
            {
                record.Stored(updated);
                return;
            }
        }
    }

    /// <summary>
    /// The call that was to be stored is not: nothing is known of it, and an earlier call of its id has its result again, unless somebody else wrote meanwhile.
    /// Where it is not known whether the record is stored, or was taken back, that goes on by itself when this returns. What cannot be taken back goes by its age.
    /// </summary>
    public async Task ForgetAsync(QueuedRecord? record)
    {
        if (record is null or { IsOpen: false, Revision: null } or { IsOfOthers: true })
        {
            return;
        }

        if (record.Revision is { } revision)
        {
            using var limit = new TimeLimit(ForgetLimit, time);
            try
            {
                await TakeBackAsync(record, revision, limit.Token);
                return;
            }
            catch (Exception fault) when (fault is NatsException or OperationCanceledException)
            {
                // The caller's answer is the same.
            }
        }

        _ = SettleAsync(record);
    }

    /// <summary>Where the bucket is: what is queued later is of no purge that begins now.</summary>
    public Task<ulong> BeginPurgeAsync(CancellationToken ct) => _bucket.PutAsync(StreamNames.PurgeBegun, [], ct);

    /// <summary>Says that the calls of a queue, or of one function in it, were purged: those that were queued before do not wait any more.</summary>
    /// <param name="queue">The queue.</param>
    /// <param name="function">The function; null for all.</param>
    /// <param name="before">Where the bucket was when the purge began.</param>
    /// <param name="ct">Cancels it.</param>
    public async Task PurgedAsync(string queue, FunctionName? function, ulong before, CancellationToken ct)
    {
        var key = StreamNames.PurgedKey(queue, function);
        await _bucket.PutAsync(key, Encoding.ASCII.GetBytes(before.ToString(CultureInfo.InvariantCulture)), ct);
        Know(key, before);
    }

    /// <summary>Whether calls of a queue, or of one function in it, were purged while it remembers the ids of what was written to it.</summary>
    public async Task<bool> ArePurgedAsync(string queue, FunctionName function, CancellationToken ct) =>
        await IsNotedAsync(StreamNames.PurgedKey(queue, null), ct) || (function.IsValid && await IsNotedAsync(StreamNames.PurgedKey(queue, function), ct));

    /// <summary>Null if there is none, or none any more.</summary>
    public async Task<(StoredResult Record, ReadOnlyMemory<byte> Body)?> FindAsync(string callId, CancellationToken ct) =>
        await _bucket.FindAsync(StreamNames.Token(callId), ct) is { } found ? await DecodeAsync(found, ct) : null;

    // What seems to be over may be so by this clock or its writer's alone: it is the server's that counts, from when the entry was stored.
    private async Task<(StoredResult Record, ReadOnlyMemory<byte> Body)?> DecodeAsync(BucketEntry found, CancellationToken ct)
    {
        if (found.Value is not { } value || StoredResult.TryDecode(value, out var body) is not { } record)
        {
            return null;
        }

        if (record.Expires <= time.GetUtcNow() && !(record.Kept is { } kept && await _bucket.TimeAsync(ct) < found.Created + kept))
        {
            return null;
        }

        return record is { State: StoredResult.Queued, Queue: { } queue } && await IsPurgedAsync(queue, FunctionName.Parse(record.Function, ""), found.Revision, ct)
            ? (record with { State = StoredResult.Purged, Status = StatusCodes.Status410Gone }, default)
            : (record, body);
    }

    // By the order of what the bucket took, not by anybody's clock.
    private async Task<bool> IsPurgedAsync(string queue, FunctionName function, ulong queued, CancellationToken ct) =>
        await LastPurgeAsync(StreamNames.PurgedKey(queue, null), ct) > queued
        || (function.IsValid && await LastPurgeAsync(StreamNames.PurgedKey(queue, function), ct) > queued);

    private async Task<bool> IsNotedAsync(string key, CancellationToken ct) =>
        await _bucket.FindAsync(key, ct) is { Value: not null } noted && await _bucket.TimeAsync(ct) < noted.Created + options.Limits.DuplicateWindow;

    private async Task<ulong> LastPurgeAsync(string key, CancellationToken ct)
    {
        if (_purges.TryGetValue(key, out var known) && time.GetElapsedTime(known.Read) < PurgeAge)
        {
            return known.Revision;
        }

        var before = await _bucket.FindAsync(key, ct) is { Value: { } value } && ulong.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var begun) ? begun : 0;
        Know(key, before);
        return before;
    }

    private void Know(string key, ulong revision)
    {
        if (_purges.Count >= MaxPurges)
        {
            _purges.Clear();
        }

        _purges[key] = (revision, time.GetTimestamp());
    }

    private static async Task<ulong?> WriteAsync(QueuedRecord record, Task<ulong?> write)
    {
        try
        {
            return await write;
        }
        catch (NatsJSApiException)
        {
            // An answer, and no silence.
            record.Refused();
            throw;
        }
    }

    private Task<ulong?> TakeBackAsync(QueuedRecord record, ulong revision, CancellationToken ct) => record.Earlier is { } earlier
        ? _bucket.TryUpdateAsync(record.Key, earlier, revision, ct)
        : _bucket.TryDeleteAsync(record.Key, revision, ct);

    // Whatever was written and not answered arrives soon or not at all, once NATS is there.
    private async Task SettleAsync(QueuedRecord record)
    {
        try
        {
            if (Interlocked.Increment(ref _settling) > MaxSettling)
            {
                return;
            }

            using var limit = new TimeLimit(SettleLimit, time);
            var pause = MinPause;
            for (var looks = 0; looks < MaxLooks; pause = pause * 2 < MaxPause ? pause * 2 : MaxPause)
            {
                var isSettled = await TryLookAsync(record, limit.Token);
                if (isSettled == true)
                {
                    return;
                }

                looks += isSettled is null ? 0 : 1;
                await Task.Delay(pause, time, limit.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // It goes by its age.
        }
        finally
        {
            Interlocked.Decrement(ref _settling);
        }
    }

    // Null while NATS is away: another look once it is back.
    private async Task<bool?> TryLookAsync(QueuedRecord record, CancellationToken ct)
    {
        try
        {
            return await IsSettledAsync(record, ct);
        }
        catch (NatsException)
        {
            return null;
        }
    }

    // Whether nothing of the record is there, nor will be: it was written on the condition that nobody else does meanwhile.
    private async Task<bool> IsSettledAsync(QueuedRecord record, CancellationToken ct)
    {
        if (await _bucket.FindAsync(record.Key, ct) is not { } found)
        {
            return false;
        }

        if (!record.IsIn(found))
        {
            return found.Revision > record.Over;
        }

        await TakeBackAsync(record, found.Revision, ct);
        return true;
    }
}
