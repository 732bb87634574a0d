using Connectors.Streams.Nats;
using NATS.Client.Core;

namespace Connectors.QueueWorker;

/// <summary>How a worker writes: under the lease of what it writes about, and so that a second record may come about but none is missing.</summary>
internal static class StreamWrites
{
    private static readonly WriteTerms UntilStored = new(TimeSpan.FromMinutes(10)) { WaitsForRoom = true, RenewsId = true };
    private static readonly WriteTerms UnlessFull = UntilStored with { WaitsForRoom = false };

    /// <summary>Returns once it is stored.</summary>
    /// <exception cref="NatsException">It is not; the delivery that it is about is left to redelivery.</exception>
    public static async Task StoreForSureAsync(this StreamPublisher publisher, StreamMessage message, CancellationToken ct)
    {
        if (await publisher.WriteAsync(message, UntilStored, ct) is { IsStored: false } write)
        {
            throw new NatsException($"{message.Subject} is not stored: {write.Reason}");
        }
    }

    /// <summary>Returns once it is stored or surely refused for want of room.</summary>
    public static Task<StreamWrite> StoreUnlessFullAsync(this StreamPublisher publisher, StreamMessage message, CancellationToken ct) =>
        publisher.WriteAsync(message, UnlessFull, ct);
}
