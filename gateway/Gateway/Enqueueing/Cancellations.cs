using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.JetStream;

namespace Connectors.Gateway.Enqueueing;

/// <summary>Cancellations in <c>OF_cancelled</c>, which workers watch: by call id, each with its time, and of all that wait of a kind (R13 and R24 of docs/delivery-states.md).</summary>
internal sealed class Cancellations(NatsLink link, QueueOptions options, TimeProvider time)
{
    private readonly Bucket _bucket = new(link, BucketShape.Cancelled(options.Limits), options.PublishTimeout, time);

    /// <summary>Returns once it is stored. Throws <see cref="NotStoredException"/> if the bucket does not take it.</summary>
    public Task CancelAsync(string callId, CancellationToken ct) => PutAsync(StreamNames.Token(callId), new Cancellation(time.GetUtcNow()).Encode(), ct);

    /// <summary>Returns its id once it is stored. Throws <see cref="NotStoredException"/> if the bucket does not take it.</summary>
    public async Task<string> CancelManyAsync(BulkCancellation many, CancellationToken ct)
    {
        var id = Guid.NewGuid().ToString("N");
        await PutAsync(BulkCancellation.Key(id), many.Encode(), ct);
        return id;
    }

    private async Task PutAsync(string key, byte[] value, CancellationToken ct)
    {
        try
        {
            await _bucket.PutAsync(key, value, ct);
        }
        catch (NatsJSApiException fault)
        {
            // An answer, and no silence: full, or not allowed.
            throw new NotStoredException($"the cancellation cannot be kept: {fault.Message}");
        }
    }
}
