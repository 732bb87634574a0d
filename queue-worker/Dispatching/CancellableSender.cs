using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Dispatching;

/// <summary>Sends a call unless its caller cancelled it, and aborts the request when its caller does so while it runs.</summary>
internal sealed class CancellableSender(CallSender sender, CancelledCalls cancelled)
{
    // What nginx logs for a client that went away; no function can answer it through HTTP.
    private const int ClientClosedRequest = 499;

    /// <summary>Whether an aborted outcome was its caller's wish.</summary>
    public bool IsCancelled(Envelope envelope) => cancelled.Contains(envelope.CallId);

    public async Task<Outcome> SendAsync(Envelope envelope, ReadOnlyMemory<byte> body, CancellationToken abort)
    {
        await cancelled.LoadedAsync(abort);
        if (envelope.Redrive > 0)
        {
            await cancelled.RefreshAsync(envelope.CallId, abort);
        }

        using var either = CancellationTokenSource.CreateLinkedTokenSource(abort);
        using var watched = cancelled.Watch(envelope.CallId, either);
        return IsCancelled(envelope)
            ? new Outcome { Kind = OutcomeKind.Aborted, Status = ClientClosedRequest, Error = "cancelled before it was sent" }
            : await sender.SendAsync(envelope, body, either.Token);
    }
}
