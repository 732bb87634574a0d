using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Enqueueing;

/// <summary>Cancellations in <c>OF_cancelled</c>, which workers watch: by call id, each with its time, and of all that wait of a kind (R13 and R24 of docs/delivery-states.md).</summary>
internal sealed class Cancellations(NatsLink link, QueueOptions options, TimeProvider time)
{
    private readonly Bucket _bucket = new(link, BucketShape.Cancelled(options.Limits), options.PublishTimeout, time);

    /// <summary>Returns once it is stored.</summary>
    public Task CancelAsync(string callId, CancellationToken ct) =>
        _bucket.PutAsync(StreamNames.Token(callId), new Cancellation(time.GetUtcNow()).Encode(), ct);

    /// <summary>Returns its id once it is stored.</summary>
    public async Task<string> CancelManyAsync(BulkCancellation many, CancellationToken ct)
    {
        var id = Guid.NewGuid().ToString("N");
        await _bucket.PutAsync(BulkCancellation.Key(id), many.Encode(), ct);
        return id;
    }
}
