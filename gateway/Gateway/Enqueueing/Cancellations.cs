using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using NATS.Client.Core;

namespace Connectors.Gateway.Enqueueing;

/// <summary>Call ids in <c>OF_cancelled</c>, which workers watch (R13 of docs/delivery-states.md).</summary>
internal sealed class Cancellations(Buckets buckets, TimeProvider time)
{
    /// <summary>Longer than a call may wait, so that none outlives its cancellation.</summary>
    private static readonly TimeSpan MaxAge = TimeSpan.FromDays(7);

    /// <summary>Returns once it is stored.</summary>
    public async Task CancelAsync(string callId, CancellationToken ct)
    {
        var bucket = await buckets.OpenAsync(StreamNames.Cancelled, MaxAge, ct);
        await bucket.PutAsync(StreamNames.Token(callId), System.Text.Encoding.ASCII.GetBytes($"{time.GetUtcNow():O}"), NatsRawSerializer<byte[]>.Default, ct);
    }

    /// <summary>The call may run after all: somebody redrives it.</summary>
    public async Task ForgetAsync(string callId, CancellationToken ct) =>
        await (await buckets.OpenAsync(StreamNames.Cancelled, MaxAge, ct)).DeleteAsync(StreamNames.Token(callId), cancellationToken: ct);
}
