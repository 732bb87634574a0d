using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Enqueueing;

/// <summary>Stored results in <c>OF_results</c>, by call id (R3 of docs/delivery-states.md).</summary>
internal sealed class CallResults(NatsLink link, QueueOptions options, TimeProvider time)
{
    private readonly Bucket _bucket = new(link, BucketShape.Results(options.Limits), options.PublishTimeout, time);

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
        var record = new StoredResult { State = StoredResult.Queued, Function = envelope.FunctionName.ToString(), Expires = time.GetUtcNow() + BucketShape.MaxResultAge };
        await _bucket.PutAsync(StreamNames.Token(envelope.CallId), record.Encode([]), ct);
    }

    /// <summary>Null if there is none, or none any more.</summary>
    public async Task<(StoredResult Record, ReadOnlyMemory<byte> Body)?> FindAsync(string callId, CancellationToken ct) =>
        await _bucket.FindAsync(StreamNames.Token(callId), ct) is { Value: { } value } && StoredResult.TryDecode(value, out var body) is { } record && record.Expires > time.GetUtcNow()
            ? (record, body)
            : null;
}
