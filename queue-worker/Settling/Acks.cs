using System.Collections.Concurrent;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.Core;
using Prometheus;

namespace Connectors.QueueWorker.Settling;

/// <summary>
/// Acks messages, and naks them without using an attempt. Each nak raises the message's delivery count, by which lost workers are noticed; so a message
/// is nakked as it is only a few times, after that it is replaced by a copy, whose count starts anew.
/// </summary>
internal sealed class Acks(QueueWorkerOptions options, NatsLink link, RecordWriter writer, WaitingRetries waiting, TimeProvider time, ILogger<Acks> log)
{
    private const int MaxRemembered = 100_000;
    private const int MaxFailures = 5;
    private static readonly TimeSpan RefusalMemory = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan NewerWait = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan FailedWait = TimeSpan.FromSeconds(5);

    private readonly AckedMessages _acked = new(options.Consuming.AckWait, () => link.OpenFor, time);
    private readonly Counter.Child _processed = Metrics.Processed(options.Queue);

    // Messages that were nakked here as they are because a stream refused a record. Each was handled to that point, and took no worker down.
    private readonly ConcurrentDictionary<MessagePlace, bool> _refused = new();
    private long _doubtUntil;

    private readonly CopiesInDoubt _inDoubt = new(time);

    /// <summary>The longest delay of a nak. What is to wait longer is nakked again when it is over: the envelope knows the rest.</summary>
    public static readonly TimeSpan MaxDelay = TimeSpan.FromDays(1);

    /// <summary>How often a message may be nakked as it is: a retry copy for coming early, one of a newer version, which waits long, and any message once more.</summary>
    public static int AllowedNaks(Envelope envelope) => envelope is { NotBefore: null, Version: <= Envelope.CurrentVersion } ? 1 : 2;

    /// <summary>
    /// Deliveries of the message that may have ended with a worker, this one included. None but this one where a stream refuses records, or did lately: other
    /// workers nak for that too, and do not tell. A message that takes its worker down comes to one, soon, that has seen no refusal.
    /// </summary>
    public int UnsettledDeliveries(Delivery delivery) =>
        _refused.ContainsKey(delivery.Place) || time.GetTimestamp() < Volatile.Read(ref _doubtUntil) ? 1 : delivery.Count;

    /// <summary>Naks a message, to be delivered again after the delay, which counts from now.</summary>
    public async Task NakAsync(Delivery delivery, Envelope? envelope, TimeSpan delay, CancellationToken ct)
    {
        var decided = time.GetTimestamp();
        if (envelope is not null && await TryRenewAsync(delivery, envelope, ct))
        {
            return;
        }

        delay -= time.GetElapsedTime(decided);
        delay = delay < MaxDelay ? delay : MaxDelay;
        if (envelope is not null && delay > TimeSpan.Zero)
        {
            waiting.Add(delivery.Place, envelope.FunctionName.ToString(), delay);
        }

        await NakAsync(delivery, delay, ct);
    }

    /// <summary>Naks a message of a newer version, which is never dead-lettered: a newer worker is on its way, and is not to take these naks for lost workers.</summary>
    public async Task NakNewerAsync(Delivery delivery, CancellationToken ct)
    {
        Metrics.NakkedNewer(options.Queue);
        if (delivery.Envelope is not { } envelope || !await TryRenewAsync(delivery, envelope, ct))
        {
            await NakAsync(delivery, NewerWait, ct);
        }
    }

    /// <summary>
    /// Ends a delivery whose handling threw. What could not be written down is given back until there is somebody to take it. A fault of ours gets some more
    /// tries, and then is the message's own: it ends as one that we cannot handle.
    /// </summary>
    public Task FailAsync(Delivery delivery, Exception fault, Func<Delivery, string, CancellationToken, Task> end, CancellationToken ct)
    {
        if (fault is NotStoredException)
        {
            Log.NotStored(log, delivery.Subject, delivery.Place.Sequence, fault.Message);
            return NakRefusedAsync(delivery, options.Consuming.AckWait, ct);
        }

        return UnsettledDeliveries(delivery) < MaxFailures ? NakAsync(delivery, FailedWait, ct) : end(delivery, $"it cannot be handled: {fault.Message}", ct);
    }

    /// <summary>Naks a message whose verdict the stream refused.</summary>
    public Task NakRefusedAsync(Delivery delivery, TimeSpan delay, CancellationToken ct)
    {
        Refused(delivery, WriteResult.Refused);
        return NakAsync(delivery, delay, ct);
    }

    /// <summary>Acks a message, and remembers it: the ack may be lost.</summary>
    public async Task AckAsync(Delivery delivery, CancellationToken ct)
    {
        _acked.Add(delivery.Place);
        _refused.TryRemove(delivery.Place, out _);
        _inDoubt.Remove(delivery.Place);
        waiting.Ended(delivery.Place);
        _processed.Inc();
        await SendAckAsync(delivery, ct);
    }

    /// <summary>Acks a message again that was acked here and is delivered all the same, for its ack was lost. False for any other.</summary>
    public async ValueTask<bool> AckAgainAsync(Delivery delivery, CancellationToken ct)
    {
        if (!_acked.Contains(delivery.Place))
        {
            return false;
        }

        Log.AckedAlready(log, delivery.Subject, delivery.Place.Sequence);
        Metrics.AckRepeated(options.Queue);
        await SendAckAsync(delivery, ct);
        return true;
    }

    /// <summary>Forgets what was acked of a stream that another took the place of, or that was restored: what comes of it is to run.</summary>
    public void Forget(string stream) => _acked.Forget(stream);

    /// <summary>Stores a copy that takes a message's place, and acks the message. If it is not stored, the message is still to be ended.</summary>
    public async Task<WriteResult> ReplaceAsync(Delivery delivery, StreamMessage copy, CancellationToken ct)
    {
        var written = await writer.StoreCopyAsync(copy, ct);
        await EndIfStoredAsync(delivery, copy, written, ct);
        return written.Result;
    }

    /// <summary>
    /// Ends a delivery whose copy may be stored, by storing it again under the same id. False if there is no such copy, or it is known not to be stored: the message
    /// is to be handled as any other.
    /// </summary>
    public async ValueTask<bool> EndInDoubtAsync(Delivery delivery, CancellationToken ct)
    {
        if (_inDoubt.Find(delivery) is not { } copy)
        {
            return false;
        }

        if (await ReplaceAsync(delivery, copy, ct) is WriteResult.Stored or WriteResult.Duplicate)
        {
            return true;
        }

        if (!_inDoubt.Holds(delivery.Place))
        {
            return false;
        }

        await NakAsync(delivery, FailedWait, ct);
        return true;
    }

    /// <summary>Remembers that a record for a message was refused, so that its naks are not taken for lost workers; of one that is too large, that of no other is.</summary>
    public void Refused(Delivery delivery, WriteResult why)
    {
        if (_refused.Count >= MaxRemembered)
        {
            _refused.Clear();
        }

        _refused[delivery.Place] = true;
        if (why != WriteResult.TooLarge)
        {
            Volatile.Write(ref _doubtUntil, time.GetTimestamp() + (long)(RefusalMemory.TotalSeconds * time.TimestampFrequency));
        }
    }

    private async Task SendAckAsync(Delivery delivery, CancellationToken ct)
    {
        try
        {
            await delivery.AckAsync(ct);
        }
        catch (Exception fault) when (fault is NatsException or OperationCanceledException or ObjectDisposedException)
        {
            Metrics.AckLost(options.Queue);
            Log.AckFailed(log, delivery.Subject, delivery.Place.Sequence, fault.Message);
        }
    }

    // By a copy of itself, whose count starts anew, once it was nakked as often as it may be. One try: what has no slot has no lease that is renewed.
    private async Task<bool> TryRenewAsync(Delivery delivery, Envelope envelope, CancellationToken ct)
    {
        if (delivery.Count <= AllowedNaks(envelope) || _inDoubt.Holds(delivery.Place))
        {
            return false;
        }

        var copy = envelope.Version > Envelope.CurrentVersion ? Verbatim(delivery) : CopyOf(delivery, envelope);
        return await EndIfStoredAsync(delivery, copy, await writer.StoreCopyOnceAsync(copy, ct), ct);
    }

    private static StreamMessage CopyOf(Delivery delivery, Envelope envelope)
    {
        var id = StreamNames.NakCopyMessageId(envelope.DeliveryId, envelope.Redrive, envelope.Attempt, delivery.Place.Sequence);
        return new StreamMessage(delivery.Subject, id, [.. delivery.Headers.Where(h => h.Key is EnvelopeCodec.HeaderName or CallHeaders.Probe)], delivery.Body);
    }

    // Nothing of it is understood here, its ids neither.
    private static StreamMessage Verbatim(Delivery delivery)
    {
        var place = delivery.Place;
        var headers = delivery.Headers.Where(h => !h.Key.StartsWith("Nats-", StringComparison.OrdinalIgnoreCase));
        return new StreamMessage(delivery.Subject, StreamNames.NewerCopyMessageId(place.Stream, place.Sequence, place.Stored), [.. headers], delivery.Body);
    }

    private async Task<bool> EndIfStoredAsync(Delivery delivery, StreamMessage copy, StreamWrite written, CancellationToken ct)
    {
        if (written.IsStored)
        {
            await AckAsync(delivery, ct);
            return true;
        }

        Refused(delivery, written.Result);
        if (written.Result == WriteResult.Unknown)
        {
            _inDoubt.Add(delivery.Place, copy);
        }
        else if (written is { Result: WriteResult.TooLarge } or { Result: WriteResult.Full, IsIdNew: true })
        {
            _inDoubt.Remove(delivery.Place);
        }

        return false;
    }

    private async Task NakAsync(Delivery delivery, TimeSpan delay, CancellationToken ct)
    {
        try
        {
            await delivery.NakAsync(delay, ct);
        }
        catch (Exception fault) when (fault is NatsException or OperationCanceledException or ObjectDisposedException)
        {
            Log.NakFailed(log, delivery.Subject, delivery.Place.Sequence, fault.Message);
        }
    }
}
