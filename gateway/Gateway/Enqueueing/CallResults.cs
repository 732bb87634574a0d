using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.Core;

namespace Connectors.Gateway.Enqueueing;

/// <summary>Stored results in <c>OF_results</c>, by call id (R3 of docs/delivery-states.md).</summary>
internal sealed class CallResults(NatsLink link, QueueOptions options, TimeProvider time)
{
    private const int MaxPurges = 10_000;

    private static readonly TimeSpan ForgetLimit = TimeSpan.FromSeconds(2);

    // How long what is known of a purge is good for: callers that wait for results ask again and again.
    private static readonly TimeSpan PurgeAge = TimeSpan.FromSeconds(1);

    private readonly Bucket _bucket = new(link, BucketShape.Results(options.Limits), options.PublishTimeout, time);

    // The revisions at which the last purges began, by their keys, 0 for none, and when they were read.
    private readonly ConcurrentDictionary<string, (ulong Revision, long Read)> _purges = new();

    /// <summary>Says that the call is known, before it is published: whoever got a 202 finds it.</summary>
    /// <param name="queue">The queue that it is published to.</param>
    /// <param name="envelope">The call.</param>
    /// <param name="mayRepeat">Whether it may turn out to be an earlier call once more: that one's result is not overwritten.</param>
    /// <param name="ct">Cancels it.</param>
    /// <returns>What <see cref="ForgetAsync"/> takes back if the call turns out to be none.</returns>
    public async Task<QueuedRecord> QueueAsync(string queue, Envelope envelope, bool mayRepeat, CancellationToken ct)
    {
        // A call may wait longer than its result is to be kept.
        var key = StreamNames.Token(envelope.CallId);
        var record = new StoredResult { State = StoredResult.Queued, Function = envelope.FunctionName.ToString(), Queue = queue, Expires = time.GetUtcNow() + BucketShape.MaxResultAge };
        var value = record.Encode([]);
        using var limit = new TimeLimit(options.PublishTimeout, time, ct);
        while (true)
        {
            // What others write or delete meanwhile, or a server that lags, begins it anew; but the caller waits.
            limit.Token.ThrowIfCancellationRequested();
            if (await _bucket.TryCreateAsync(key, value, limit.Token) is { } created)
            {
                return new QueuedRecord(key, created);
            }

            if (await _bucket.FindAsync(key, limit.Token) is not { } found)
            {
                continue;
            }

            var known = (await DecodeAsync(found, limit.Token))?.Record;
            if (mayRepeat && known is not null && known.State is not (StoredResult.Queued or StoredResult.Purged))
            {
                return default;
            }

            if (await _bucket.TryUpdateAsync(key, value, found.Revision, limit.Token) is { } updated)
            {
                // A queued one is another accept's, which is being stored too, or failing. Written anew it is no longer that one's to take back, nor ours. One that
                // was purged is put back as such: it was queued before the purge, and would not be by its new revision.
                var earlier = known is { State: StoredResult.Purged } ? known.Encode([]) : found.Value;
                return known?.State == StoredResult.Queued ? default : new QueuedRecord(key, updated, known is null ? null : earlier);
            }
        }
    }

    /// <summary>
    /// The call that was to be stored is not: nothing is known of it, and an earlier call of its id has its result again, unless somebody else wrote meanwhile.
    /// What cannot be taken back goes by its age.
    /// </summary>
    public async Task ForgetAsync(QueuedRecord record)
    {
        if (record.Key is null)
        {
            return;
        }

        using var limit = new TimeLimit(ForgetLimit, time, CancellationToken.None);
        try
        {
            if (record.Earlier is { } earlier)
            {
                await _bucket.TryUpdateAsync(record.Key, earlier, record.Revision, limit.Token);
            }
            else
            {
                await _bucket.TryDeleteAsync(record.Key, record.Revision, limit.Token);
            }
        }
        catch (Exception fault) when (fault is NatsException or OperationCanceledException)
        {
            // The caller's answer is the same.
        }
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
}

/// <summary>A record of a call that is about to be stored, as one accept wrote it.</summary>
/// <param name="Key">Its key; null for none.</param>
/// <param name="Revision">The revision that this accept wrote.</param>
/// <param name="Earlier">The result of an earlier call of this id, which it wrote over; null for none.</param>
internal readonly record struct QueuedRecord(string? Key, ulong Revision, byte[]? Earlier = null);
