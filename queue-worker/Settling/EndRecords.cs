using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Settling;

/// <summary>
/// Writes a call's end down before its ack: stored result, callback record, dead letter. The order is the failure table's (docs/delivery-states.md);
/// a write that fails is written again under the lease, and the function is not run again for it.
/// </summary>
internal sealed class EndRecords(StoredResults results, CallbackRecords callbacks, DeadLetters deadLetters)
{
    /// <summary>Whether the outcome can be told by a callback record.</summary>
    public bool FitsCallback(Envelope envelope, Outcome outcome) => envelope.Callback is null || callbacks.Fits(envelope, outcome);

    /// <summary>Returns once all of it is stored.</summary>
    public async Task StoreAsync(Delivery delivery, Envelope envelope, CallEnd end, CancellationToken ct)
    {
        await results.StoreAsync(envelope, end.Told, end.State, ct);

        // A call that ends before a send counts as often as it was sent.
        await callbacks.StoreAsync(envelope with { Attempt = Math.Max(1, end.Biography?.Attempts ?? envelope.Attempt) }, end.Told, ct);
        if (end.Biography is { } biography)
        {
            await deadLetters.StoreAsync(delivery, envelope, end.Kind, biography, ct);
        }
    }

    /// <summary>Stores a message that is none of ours.</summary>
    public Task StoreForeignAsync(Delivery delivery, string error, CancellationToken ct) => deadLetters.StoreForeignAsync(delivery, error, ct);
}
