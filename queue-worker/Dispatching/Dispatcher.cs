using Connectors.QueueWorker.Callbacks;
using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Dispatching;

/// <summary>Takes one delivery of a call from its envelope to its end: intake, send, verdict, settlement.</summary>
internal sealed class Dispatcher(
    QueueWorkerOptions options, CancellableSender sender, OversizeCallbacks oversize, Settler settler, TimeProvider time) : IDeliveryHandler
{
    public async Task<Handled> HandleAsync(Delivery delivery, Grace grace)
    {
        var intake = Intake.Judge(delivery.Envelope, delivery.EnvelopeError, delivery.Subject, settler.Suspicious(delivery), time.GetUtcNow());
        if (intake is { Kind: IntakeKind.Run, Envelope: { } call })
        {
            return await RunAsync(delivery, call, intake.Wait, grace);
        }

        await (intake switch
        {
            { Kind: IntakeKind.Newer } => settler.ReturnNewerAsync(delivery, grace.Writes),
            { Kind: IntakeKind.Early, Envelope: { } envelope } => settler.ReturnAsync(delivery, envelope, intake.Wait, grace.Writes),
            { Kind: IntakeKind.Expired, Envelope: { } envelope } => settler.EndUnsentAsync(delivery, envelope, DeadKind.Expired, DeadReasons.Expired, grace.Writes),
            { Kind: IntakeKind.WorkerLost, Envelope: { } envelope } => settler.EndUnsentAsync(delivery, envelope, DeadKind.Call, DeadReasons.WorkerLost, grace.Writes),
            _ => settler.EndForeignAsync(delivery, intake.Error, grace.Writes),
        });
        return new Handled(Again: intake.Kind == IntakeKind.Early ? intake.Wait : null);
    }

    public Task HandBackAsync(Delivery delivery, CancellationToken ct) => settler.ReturnAsync(delivery, delivery.Envelope, TimeSpan.Zero, ct);

    private async Task<Handled> RunAsync(Delivery delivery, Envelope envelope, TimeSpan wait, Grace grace)
    {
        if (wait > TimeSpan.Zero)
        {
            await Task.Delay(wait, time, grace.Sends);
        }

        var sent = time.GetUtcNow();
        var outcome = await sender.SendAsync(envelope, delivery.Body, grace.Sends);
        if (outcome.Kind == OutcomeKind.Aborted)
        {
            await (sender.IsCancelled(envelope)
                ? settler.CancelAsync(delivery, envelope, outcome, sent, grace.Writes)
                : settler.ReturnAsync(delivery, envelope, TimeSpan.Zero, grace.Writes));
            return new Handled();
        }

        var verdict = (envelope.Retry?.Over(options.Dispatch.Retry) ?? options.Dispatch.Retry).Decide(outcome, envelope.Attempt, new Random());
        if (verdict.Kind != VerdictKind.Retry && !settler.FitsCallback(envelope, outcome))
        {
            await oversize.SendAsync(envelope, outcome, grace);
            envelope = envelope with { Callback = null };
        }

        await settler.SettleAsync(delivery, envelope, outcome, verdict, sent, grace.Writes);
        return new Handled(LoadOf(outcome));
    }

    private static Load LoadOf(Outcome outcome) => outcome switch
    {
        { Kind: OutcomeKind.Succeeded } => Load.Took,
        { Kind: OutcomeKind.Unreachable } or { Status: 429 } => Load.Refused,
        _ => Load.Unknown,
    };
}
