using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Dispatching;

/// <summary>
/// Brings a call that was put aside back among those that wait: stored there, then acked here (R18 of docs/delivery-states.md). It becomes no attempt, and
/// is judged when it is delivered there: one that was cancelled or expired meanwhile ends then.
/// </summary>
internal sealed class AsideReturn(QueueWorkerOptions options, Pauses pauses, RecordWriter writer, DeadLetters deadLetters, Acks acks) : IDeliveryHandler
{
    private static readonly TimeSpan FullWait = TimeSpan.FromSeconds(2);

    // Three writes: a copy that is written again, the call, or the dead letter of what is none.
    public TimeSpan Limit { get; } = 3 * RecordWriter.Patience(options);

    public async Task<Handled> HandleAsync(Delivery delivery, Grace grace)
    {
        if (await acks.EndInDoubtAsync(delivery, grace.Writes))
        {
            await NotSentAsync(delivery, grace.Writes);
        }
        else if (delivery.Envelope is not { } envelope)
        {
            await EndForeignAsync(delivery, delivery.EnvelopeError, grace.Writes);
        }
        else if (envelope.Version > Envelope.CurrentVersion)
        {
            await acks.NakNewerAsync(delivery, grace.Writes);
            await NotSentAsync(delivery, grace.Writes);
        }
        else if (!StreamNames.IsOf(delivery.Subject, envelope.FunctionName))
        {
            await EndForeignAsync(delivery, $"the envelope is of {envelope.FunctionName}, the subject of another function", grace.Writes);
        }
        else
        {
            return await ReturnAsync(delivery, envelope, grace.Writes);
        }

        return new Handled();
    }

    public Task NakAsync(Delivery delivery, CancellationToken ct) => acks.NakAsync(delivery, null, TimeSpan.Zero, ct);

    public Task FailAsync(Delivery delivery, Exception fault, CancellationToken ct) => acks.FailAsync(delivery, fault, EndForeignAsync, ct);

    private async Task<Handled> ReturnAsync(Delivery delivery, Envelope envelope, CancellationToken ct)
    {
        var id = StreamNames.ReturnMessageId(envelope.DeliveryId, envelope.Redrive, envelope.Attempt, delivery.Place.Sequence);
        var subject = StreamNames.CallSubject(options.Queue, envelope.Priority, envelope.FunctionName);
        var headers = delivery.Headers.Where(h => h.Key == EnvelopeCodec.HeaderName);
        if (ProbedBy(delivery) is not null)
        {
            headers = headers.Append(new(CallHeaders.Probe, "true"));
        }

        var written = await writer.StoreCopyAsync(new StreamMessage(subject, id, [.. headers], delivery.Body), ct);
        switch (written.Result)
        {
            case WriteResult.Stored or WriteResult.Duplicate:
                await acks.AckAsync(delivery, ct);
                break;
            case WriteResult.TooLarge:
                await EndForeignAsync(delivery, "it is too large for the stream of calls that wait", ct);
                break;
            default:
                await acks.NakRefusedAsync(delivery, FullWait, ct);
                return new Handled(Load.Refused);
        }

        return new Handled();
    }

    // The function whose breaker is open and let the call go, to see whether the function is back.
    private FunctionName? ProbedBy(Delivery delivery) => AsideGroup.Of(delivery.Subject).Function is { } held && pauses.BreakerOf(held) is not null ? held : null;

    // A probe that does not come back says nothing of its function: its right is the next call's. One that the stream refuses does come back.
    private Task NotSentAsync(Delivery delivery, CancellationToken ct) => ProbedBy(delivery) is { } function ? pauses.ReleaseProbeAsync(function, ct) : Task.CompletedTask;

    private async Task EndForeignAsync(Delivery delivery, string error, CancellationToken ct)
    {
        await deadLetters.StoreForeignAsync(delivery, error, ct);
        await acks.AckAsync(delivery, ct);
        await NotSentAsync(delivery, ct);
    }
}
