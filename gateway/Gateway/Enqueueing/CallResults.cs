using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using NATS.Client.Core;
using NATS.Client.KeyValueStore;

namespace Connectors.Gateway.Enqueueing;

/// <summary>Stored results in <c>OF_results</c>, by call id (R3 of docs/delivery-states.md).</summary>
internal sealed class CallResults(Buckets buckets, TimeProvider time)
{
    /// <summary>Says that the call is known, before it is published: whoever got a 202 finds it.</summary>
    /// <param name="envelope">The call.</param>
    /// <param name="mayRepeat">Whether it may turn out to be an earlier call once more: that one's result is not overwritten.</param>
    /// <param name="ct">Cancels it.</param>
    public async Task QueueAsync(Envelope envelope, bool mayRepeat, CancellationToken ct)
    {
        if (mayRepeat && await FindAsync(envelope.CallId, ct) is not null)
        {
            return;
        }

        // A call may wait longer than its result is to be kept.
        var record = new StoredResult { State = StoredResult.Queued, Function = envelope.FunctionName.ToString(), Expires = time.GetUtcNow() + ResultAge.Most };
        var bucket = await buckets.OpenAsync(StreamNames.Results, ResultAge.Most, ct);
        await bucket.PutAsync(StreamNames.Token(envelope.CallId), record.Encode([]), NatsRawSerializer<byte[]>.Default, ct);
    }

    /// <summary>Null if there is none, or none any more.</summary>
    public async Task<(StoredResult Record, ReadOnlyMemory<byte> Body)?> FindAsync(string callId, CancellationToken ct)
    {
        var bucket = await buckets.OpenAsync(StreamNames.Results, ResultAge.Most, ct);
        var found = await bucket.TryGetEntryAsync(StreamNames.Token(callId), serializer: NatsRawSerializer<byte[]>.Default, cancellationToken: ct);
        if (found.Success)
        {
            return StoredResult.TryDecode(found.Value.Value, out var body) is { } record && record.Expires > time.GetUtcNow() ? (record, body) : null;
        }

        return found.Error is NatsKVKeyNotFoundException or NatsKVKeyDeletedException ? null : throw found.Error;
    }
}
