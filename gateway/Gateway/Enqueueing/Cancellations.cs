using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Enqueueing;

/// <summary>Call ids in <c>OF_cancelled</c>, which workers watch, each with the time of its cancellation (R13 of docs/delivery-states.md).</summary>
internal sealed class Cancellations(NatsLink link, QueueOptions options, TimeProvider time)
{
    private readonly Bucket _bucket = new(link, BucketShape.Cancelled(options.Limits), options.PublishTimeout, time);

    /// <summary>Returns once it is stored.</summary>
    public Task CancelAsync(string callId, CancellationToken ct) =>
        _bucket.PutAsync(StreamNames.Token(callId), new Cancellation(time.GetUtcNow()).Encode(), ct);

    /// <summary>The call may run after all: somebody redrives it.</summary>
    public Task ForgetAsync(string callId, CancellationToken ct) => _bucket.DeleteAsync(StreamNames.Token(callId), ct);
}
