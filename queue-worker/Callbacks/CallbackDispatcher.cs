using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Callbacks;

/// <summary>
/// Takes one delivery of a callback record to its end: posted, to be posted again, or given up. One whose receiver holds its share of the slots is put off, so
/// that a receiver that does not answer keeps none of the others waiting. The function is never run for it.
/// </summary>
internal sealed class CallbackDispatcher(
    QueueWorkerOptions options, CallbackSender sender, CallbackSettler settler, TimeProvider time, Random random) : IDeliveryHandler
{
    // A receiver that takes longer may not answer at all.
    private static readonly TimeSpan MaxPrompt = TimeSpan.FromSeconds(1);

    private readonly CallbackPolicy _policy = new(options.Callbacks.MaxAge, options.Callbacks.InitialWait, options.Callbacks.MaxWait, random);
    private readonly ReceiverShares _shares = new(options.Callbacks.MaxInflight, Prompt(options.Callbacks.Timeout), time) { Turned = sender.Turned };

    // A copy that is written again; one POST, then a record of it.
    public TimeSpan Limit { get; } = options.Callbacks.Timeout + (3 * RecordWriter.Patience(options));

    public async Task<Handled> HandleAsync(Delivery delivery, Grace grace)
    {
        if (await settler.EndInDoubtAsync(delivery, grace.Writes))
        {
            return new Handled();
        }

        if (delivery.Envelope is not { } envelope)
        {
            await settler.EndForeignAsync(delivery, delivery.EnvelopeError, grace.Writes);
        }
        else if (envelope.Version > Envelope.CurrentVersion)
        {
            // Before its record is looked at, which may have changed as well.
            await settler.NakNewerAsync(delivery, grace.Writes);
        }
        else if (CallbackRecord.TryDecode(delivery.Header(CallbackRecord.HeaderName)) is not { } record)
        {
            await settler.EndForeignAsync(delivery, $"the header {CallbackRecord.HeaderName} is missing or not readable", grace.Writes);
        }
        else
        {
            await HandleAsync(delivery, envelope, record, grace);
        }

        return new Handled();
    }

    public Task NakAsync(Delivery delivery, CancellationToken ct) => settler.NakAsync(delivery, TimeSpan.Zero, ct);

    public Task FailAsync(Delivery delivery, Exception fault, CancellationToken ct) => settler.FailAsync(delivery, fault, ct);

    private async Task HandleAsync(Delivery delivery, Envelope envelope, CallbackRecord record, Grace grace)
    {
        // A record of another's making may claim to be of the future, and would never grow too old.
        var now = time.GetUtcNow();
        record = record with { Since = record.Since < delivery.Place.Stored ? record.Since : delivery.Place.Stored, Attempt = Math.Max(1, record.Attempt) };
        if (_policy.IsTooOld(record, now))
        {
            await settler.GiveUpAsync(delivery, envelope, record with { Attempt = record.Attempt - 1 }, DeadReasons.CallbackExpired, null, null, grace.Writes);
        }
        else if (_policy.Wait(record, delivery.Count, now) is { } wait)
        {
            await settler.NakAsync(delivery, wait, grace.Writes);
        }
        else if (CallbackUrl.Of(envelope.Callback) is not { } url)
        {
            // There is no receiver; it is refused at once.
            await PostAsync(delivery, envelope, record, null, grace);
        }
        else
        {
            await PostInTurnAsync(delivery, envelope, record, url.Receiver(options.Dispatch.Gateway), now, grace);
        }
    }

    private async Task PostInTurnAsync(Delivery delivery, Envelope envelope, CallbackRecord record, string receiver, DateTimeOffset now, Grace grace)
    {
        if (_shares.TryBegin(receiver, out var isSlow) is { } turn)
        {
            await PostAsync(delivery, envelope, record, turn, grace);
        }
        else
        {
            // As it is, by a nak: no attempt is used, and a copy of the same attempt would be taken for a repeat and lost.
            Metrics.CallbackPutOff(options.Queue);
            await settler.NakAsync(delivery, _policy.PutOff(record, delivery.Count, isSlow, _shares.RefusedLately(receiver), now), grace.Writes);
        }
    }

    // No answer in time is never prompt.
    private static TimeSpan Prompt(TimeSpan timeout) => timeout / 2 < MaxPrompt ? timeout / 2 : MaxPrompt;

    private async Task PostAsync(Delivery delivery, Envelope envelope, CallbackRecord record, Turn? turn, Grace grace)
    {
        CallbackAnswer answer;
        CallbackRecord posted;
        using (turn)
        {
            (answer, posted) = await sender.PostAsync(envelope, record, delivery.Body, grace.Sends);
            if (!answer.IsRefused)
            {
                turn?.Told();
            }
        }

        var verdict = _policy.Decide(answer, posted, time.GetUtcNow());
        await (verdict.End switch
        {
            CallbackEnd.Delivered => settler.DoneAsync(delivery, envelope, posted, answer.Status, grace.Writes),
            CallbackEnd.Retry => settler.RetryAsync(delivery, envelope, posted, verdict.After, grace.Writes),
            _ => settler.GiveUpAsync(delivery, envelope, posted, verdict.Reason, answer.Status, answer.Error, grace.Writes),
        });
    }
}
