using System.Collections.Concurrent;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.Core;

namespace Connectors.QueueWorker.Settling;

/// <summary>
/// Acks messages, and naks them without using an attempt. Each nak raises the message's delivery count, by which lost workers are noticed; so a message
/// is nakked as it is only a few times, after that it is replaced by a copy, whose count starts anew.
/// </summary>
internal sealed class Acks(QueueWorkerOptions options, StreamPublisher publisher, WaitingRetries waiting, Metrics metrics, ILogger<Acks> log)
{
    private const int MaxRemembered = 100_000;
    private static readonly TimeSpan WriteTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan NewerWait = TimeSpan.FromSeconds(30);

    // Naks of a message after a verdict that the full stream refused to store: by its place in the stream.
    private readonly ConcurrentDictionary<ulong, int> _refused = new();

    /// <summary>How often a message may be nakked as it is: a retry copy for coming early, and any message once more.</summary>
    public static int AllowedNaks(Envelope envelope) => envelope.NotBefore is null ? 1 : 2;

    /// <summary>Deliveries of the message that may have ended with a worker, this one included.</summary>
    public int UnsettledDeliveries(Delivery delivery) => delivery.Count - _refused.GetValueOrDefault(delivery.Sequence);

    /// <summary>Naks a message, to be delivered again after the delay.</summary>
    public async Task NakAsync(Delivery delivery, Envelope? envelope, TimeSpan delay, CancellationToken ct)
    {
        if (envelope?.Version <= Envelope.CurrentVersion && UnsettledDeliveries(delivery) > AllowedNaks(envelope) && await ReplaceAsync(delivery, envelope, ct))
        {
            return;
        }

        if (envelope is not null && delay > TimeSpan.Zero)
        {
            waiting.Add(delivery.Sequence, delay);
        }

        await NakAsync(delivery, delay, ct);
    }

    /// <summary>Naks a message of a newer version, which is never dead-lettered: a newer worker is on its way.</summary>
    public Task NakNewerAsync(Delivery delivery, CancellationToken ct)
    {
        metrics.NewerVersion.WithLabels(options.Queue).Inc();
        return NakAsync(delivery, NewerWait, ct);
    }

    /// <summary>Naks a message whose verdict the full stream refused.</summary>
    public async Task NakRefusedAsync(Delivery delivery, TimeSpan delay, CancellationToken ct)
    {
        if (_refused.Count >= MaxRemembered)
        {
            _refused.Clear();
        }

        _refused.AddOrUpdate(delivery.Sequence, 1, (_, times) => times + 1);
        await NakAsync(delivery, delay, ct);
    }

    /// <summary>Acks, twice if the first is not confirmed; then it is left to redelivery.</summary>
    public async Task AckAsync(Delivery delivery, CancellationToken ct)
    {
        for (var last = false; ; last = true)
        {
            try
            {
                await delivery.AckAsync(ct);
                _refused.TryRemove(delivery.Sequence, out _);
                metrics.Processed.WithLabels(options.Queue).Inc();
                return;
            }
            catch (Exception fault) when (fault is NatsException or OperationCanceledException or ObjectDisposedException)
            {
                if (last || ct.IsCancellationRequested)
                {
                    Log.AckFailed(log, delivery.Subject, delivery.Sequence, fault.Message);
                    return;
                }
            }
        }
    }

    private async Task<bool> ReplaceAsync(Delivery delivery, Envelope envelope, CancellationToken ct)
    {
        var id = StreamNames.HandBackMessageId(envelope.DeliveryId, envelope.Redrive, envelope.Attempt, delivery.Sequence);
        var copy = new StreamMessage(delivery.Subject, id, [.. delivery.Headers.Where(h => h.Key == EnvelopeCodec.HeaderName)], delivery.Body);
        if (!(await publisher.WriteOnceAsync(copy, WriteTimeout, ct)).IsStored)
        {
            return false;
        }

        await AckAsync(delivery, ct);
        return true;
    }

    private async Task NakAsync(Delivery delivery, TimeSpan delay, CancellationToken ct)
    {
        try
        {
            await delivery.NakAsync(delay, ct);
        }
        catch (Exception fault) when (fault is NatsException or OperationCanceledException or ObjectDisposedException)
        {
            Log.NakFailed(log, delivery.Subject, delivery.Sequence, fault.Message);
        }
    }
}

/// <summary>What this worker nakked until its time comes, by its place in the stream. Only for a metric: the envelopes themselves know when.</summary>
internal sealed class WaitingRetries(TimeProvider time)
{
    private const int MaxRemembered = 1_000_000;

    private readonly ConcurrentDictionary<ulong, DateTimeOffset> _due = new();

    public void Add(ulong sequence, TimeSpan wait)
    {
        if (_due.Count < MaxRemembered)
        {
            _due[sequence] = time.GetUtcNow() + wait;
        }
    }

    /// <summary>How many still wait; those that are due are forgotten.</summary>
    public int Count()
    {
        var now = time.GetUtcNow();
        foreach (var (sequence, due) in _due)
        {
            if (due <= now)
            {
                _due.TryRemove(sequence, out _);
            }
        }

        return _due.Count;
    }
}
