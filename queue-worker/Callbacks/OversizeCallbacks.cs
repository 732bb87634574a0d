using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Callbacks;

/// <summary>
/// Tells results that are too large for a record: posted directly, while the call's lease is kept, for a few minutes. Receivers that take long hold no more than
/// their share of the calls' slots.
/// </summary>
internal sealed class OversizeCallbacks(
    QueueWorkerOptions options, CallbackSender sender, CallbackRecords records, CallbackSettler settler, TimeProvider time, Random random)
{
    /// <summary>How long it is tried.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromMinutes(5);

    // What is that large takes its time on the way.
    private static readonly TimeSpan Prompt = TimeSpan.FromSeconds(10);

    // Between two looks at a receiver of which nothing is known yet.
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    private readonly ReceiverShares _shares = new(options.Consuming.MaxInflight, Prompt, time) { Turned = sender.Turned };
    private readonly CallbackPolicy _policy = new(options.Callbacks.MaxAge < MaxAge ? options.Callbacks.MaxAge : MaxAge, options.Callbacks.InitialWait, options.Callbacks.MaxWait, random);

    /// <summary>
    /// Returns once the receiver has the result, or a dead letter tells that it does not. False if the worker has no time left for either, or the receiver is slow
    /// and holds its share of the slots: it is then to be told by a record that fits, without the result.
    /// </summary>
    public async Task<bool> SendAsync(Envelope envelope, Outcome outcome, bool isExhausted, Grace grace)
    {
        var record = records.Record(envelope, outcome, isExhausted);
        CallbackAnswer answer;
        CallbackVerdict verdict;
        try
        {
            // Held as long as the call's slot is, between two POSTs too.
            var receiver = CallbackUrl.Of(envelope.Callback)?.Receiver(options.Dispatch.Gateway);
            using var turn = receiver is null ? null : await BeginAsync(receiver, grace.Sends);
            if (receiver is not null && turn is null)
            {
                return false;
            }

            while (true)
            {
                (answer, record) = await sender.PostAsync(envelope, record, outcome.Body, grace.Sends);
                verdict = _policy.Decide(answer, record, time.GetUtcNow());
                if (verdict.End != CallbackEnd.Retry)
                {
                    break;
                }

                turn?.Pause();
                await Task.Delay(verdict.After, time, grace.Sends);
                turn?.Resume();
                record = record with { Attempt = record.Attempt + 1 };
            }

            if (!answer.IsRefused)
            {
                turn?.Told();
            }
        }
        catch (OperationCanceledException) when (grace.Sends.IsCancellationRequested)
        {
            return false;
        }

        if (verdict.End == CallbackEnd.Delivered)
        {
            settler.OversizeDone(envelope, record, answer.Status);
        }
        else
        {
            await settler.GiveUpOversizeAsync(envelope, record, verdict.Reason, answer.Status, answer.Error, grace.Writes);
        }

        return true;
    }

    // Null for a receiver that is slow. One that is not known is waited for, for the first that it was sent tells soon.
    private async Task<Turn?> BeginAsync(string receiver, CancellationToken abort)
    {
        while (true)
        {
            if (_shares.TryBegin(receiver, out var isSlow) is { } turn)
            {
                return turn;
            }

            if (isSlow)
            {
                return null;
            }

            await Task.Delay(Look, time, abort);
        }
    }
}
