using Connectors.Gateway.Enqueueing;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace Connectors.Gateway.Queues;

/// <summary>
/// Puts a dead letter back, as it is or edited: say that its result is on its way, publish, wait for the stream's ack, then delete by sequence (R14 and R19 of
/// docs/delivery-states.md). Repeated after a crash in between, edited or not, the publish carries the same message id. No caller breaks it off.
/// </summary>
internal sealed class Redriver(DeadLetters letters, CallStore store, CallResults results, TimeProvider time, ILogger<Redriver> log)
{
    private static readonly TimeSpan ResultLimit = TimeSpan.FromSeconds(2);

    // How long a bucket that did not answer is not asked: there may be many letters.
    private static readonly TimeSpan AskAgain = TimeSpan.FromMinutes(1);

    // When it did not answer last, as a timestamp; 0 for never.
    private long _silent;

    /// <summary>Throws <see cref="NotStoredException"/> if it stays a dead letter.</summary>
    /// <param name="queue">The letter's queue.</param>
    /// <param name="letter">The letter.</param>
    /// <param name="edited">What the call is from now on; null for what it was. Not with a callback's letter.</param>
    public async Task<RedriveResult> RedriveAsync(string queue, DeadLetter letter, EditedCall? edited)
    {
        if (!letter.IsWhole || letter.Envelope is not { } envelope)
        {
            return RedriveResult.NotOurs;
        }

        var stored = await (letter.IsCallback ? StoreCallbackAsync(queue, envelope, letter) : StoreCallAsync(queue, edited?.Envelope ?? envelope, edited?.Body ?? letter.Body));
        var deleted = await letters.DeleteAsync(queue, letter.Seq);
        Metrics.DeadLetterHandled(queue, edited is null ? "redriven" : "edited");
        return stored.IsDuplicate ? RedriveResult.Repeated : deleted ? RedriveResult.Redriven : RedriveResult.Gone;
    }

    private async Task<StoredCall> StoreCallAsync(string queue, Envelope envelope, ReadOnlyMemory<byte> body)
    {
        // Its age counts anew, or what expired would expire again. It is submitted anew too: a cancellation from before is of the other calls of its id.
        var now = time.GetUtcNow();
        var again = envelope with
        {
            Redrive = envelope.Redrive + 1,
            Attempt = 1,
            FirstAt = null,
            PastAttempts = null,
            NotBefore = null,
            Due = null,
            Submitted = now,
            Deadline = envelope.Retry?.MaxAge is { } age && age > TimeSpan.Zero ? now + age : null,
        };
        var record = await QueueResultAsync(queue, again);
        try
        {
            var stored = await store.StoreAsync(queue, again, EnvelopeCodec.Encode(again), body, StreamNames.RedriveMessageId(again.DeliveryId, again.Redrive));
            if (stored.IsDuplicate)
            {
                if (await MayBePurgedAsync(queue, again.FunctionName))
                {
                    throw new NotStoredException(
                        "this letter was put back before, and calls were purged since, it perhaps among them: it stays, and can be put back again once nats_duplicate_window is over");
                }

                // It was put back before, and may have ended again since.
                await results.ForgetAsync(record);
            }

            return stored;
        }
        catch (Exception fault) when (fault is NotStoredException { MayBeStored: false } or NatsPayloadTooLargeException or ConfigurationException)
        {
            await results.ForgetAsync(record);
            throw;
        }
    }

    // Else whoever asks for the result of a call that was put back is told how it ended before. A bucket that takes nothing holds up no redrive; what it may have
    // taken without an answer is right once the letter is put back.
    private async Task<QueuedRecord?> QueueResultAsync(string queue, Envelope again)
    {
        if (again.StoreResult is null || (Interlocked.Read(ref _silent) is not 0 and var last && time.GetElapsedTime(last) < AskAgain))
        {
            return null;
        }

        var record = results.Begin(queue, again);
        using var limit = new TimeLimit(ResultLimit, time, CancellationToken.None);
        try
        {
            await results.QueueAsync(record, mayRepeat: false, limit.Token);
        }
        catch (Exception fault) when (fault is NatsException or OperationCanceledException)
        {
            if (fault is not NatsJSApiException)
            {
                Interlocked.Exchange(ref _silent, time.GetTimestamp());
            }

            Log.ResultNotQueued(log, again.CallId, again.FunctionName.ToString(), queue, fault is NatsException ? fault.Message : "no answer in time");
        }

        return record;
    }

    // The stream knows an id also when what was written under it is purged: without its letter the call would be gone. What cannot be asked holds up no redrive.
    private async Task<bool> MayBePurgedAsync(string queue, FunctionName function)
    {
        using var limit = new TimeLimit(ResultLimit, time, CancellationToken.None);
        try
        {
            return await results.ArePurgedAsync(queue, function, limit.Token);
        }
        catch (Exception fault) when (fault is NatsException or OperationCanceledException)
        {
            return false;
        }
    }

    private Task<StoredCall> StoreCallbackAsync(string queue, Envelope envelope, DeadLetter letter)
    {
        var record = letter.Callback! with { Redrive = letter.Callback.Redrive + 1, Attempt = 1, Posts = null, NotBefore = null, Since = time.GetUtcNow() };
        return store.StoreCallbackAsync(
            queue, envelope, record, letter.Body, StreamNames.CallbackRedriveMessageId(envelope.DeliveryId, envelope.Redrive, record.Redrive));
    }
}

/// <summary>What became of a redrive.</summary>
internal enum RedriveResult
{
    Redriven,

    /// <summary>The stream had this redrive before: the call is as it was put back then, and the letter is gone.</summary>
    Repeated,

    /// <summary>Put back, but somebody else had removed the letter meanwhile.</summary>
    Gone,

    /// <summary>No envelope of ours, or not all of the call: it can be read or deleted, not run.</summary>
    NotOurs,
}
