using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Callbacks;

/// <summary>Tells results that are too large for a record: posted directly, while the call's lease is kept, for a few minutes.</summary>
internal sealed class OversizeCallbacks(
    QueueWorkerOptions options, CallbackSender sender, CallbackRecords records, CallbackSettler settler, TimeProvider time, Random random)
{
    /// <summary>How long it is tried.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromMinutes(5);

    private readonly CallbackPolicy _policy = new(options.Callbacks.MaxAge < MaxAge ? options.Callbacks.MaxAge : MaxAge, options.Callbacks.InitialWait, options.Callbacks.MaxWait, random);

    /// <summary>
    /// Returns once the receiver has the result, or a dead letter tells that it does not. False if the worker has no time left for either: it is then to be told
    /// by a record that fits, without the result.
    /// </summary>
    public async Task<bool> SendAsync(Envelope envelope, Outcome outcome, bool isExhausted, Grace grace)
    {
        var record = records.Record(envelope, outcome, isExhausted);
        CallbackAnswer answer;
        CallbackVerdict verdict;
        try
        {
            while (true)
            {
                (answer, record) = await sender.PostAsync(envelope, record, outcome.Body, grace.Sends);
                verdict = _policy.Decide(answer, record, time.GetUtcNow());
                if (verdict.End != CallbackEnd.Retry)
                {
                    break;
                }

                await Task.Delay(verdict.After, time, grace.Sends);
                record = record with { Attempt = record.Attempt + 1 };
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
}
