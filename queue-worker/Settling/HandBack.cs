using System.Collections.Concurrent;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using NATS.Client.Core;

namespace Connectors.QueueWorker.Settling;

/// <summary>
/// Gives messages back without using an attempt. Each hand-back raises the message's delivery count, by which lost workers are noticed; so a message
/// is handed back as it is only a few times, after that by a copy, whose count starts anew.
/// </summary>
internal sealed class HandBack(QueueWorkerOptions options, StreamWriter writer, WaitingRetries waiting, Metrics metrics, ILogger<HandBack> log)
{
    private const int MostRemembered = 100_000;
    private static readonly TimeSpan NewerWait = TimeSpan.FromSeconds(30);

    // Hand-backs of a message after a verdict that the full stream refused to store: by its place in the stream.
    private readonly ConcurrentDictionary<ulong, int> _refused = new();

    /// <summary>How often a message may be given back as it is: a retry copy for coming early, and any message once more.</summary>
    public static int Allowed(Envelope envelope) => envelope.NotBefore is null ? 1 : 2;

    /// <summary>Deliveries of the message that may have ended with a worker, this one included.</summary>
    public int Suspicious(Delivery delivery) => delivery.Count - _refused.GetValueOrDefault(delivery.Sequence);

    /// <summary>Gives a message back, to be delivered after the delay.</summary>
    public async Task ReturnAsync(Delivery delivery, Envelope? envelope, TimeSpan delay, CancellationToken ct)
    {
        if (envelope?.Version <= Envelope.CurrentVersion && Suspicious(delivery) > Allowed(envelope) && await CopyAsync(delivery, envelope, ct))
        {
            return;
        }

        if (envelope is not null && delay > TimeSpan.Zero)
        {
            waiting.Add(delivery.Sequence, delay);
        }

        await NakAsync(delivery, delay, ct);
    }

    /// <summary>Gives back a message of a newer version, never dead-lettered: a newer worker is on its way.</summary>
    public Task ReturnNewerAsync(Delivery delivery, CancellationToken ct)
    {
        metrics.NewerVersion.WithLabels(options.Queue).Inc();
        return NakAsync(delivery, NewerWait, ct);
    }

    /// <summary>Gives a message back whose verdict the full stream refused.</summary>
    public async Task ReturnRefusedAsync(Delivery delivery, TimeSpan delay, CancellationToken ct)
    {
        if (_refused.Count >= MostRemembered)
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

    private async Task<bool> CopyAsync(Delivery delivery, Envelope envelope, CancellationToken ct)
    {
        var id = StreamNames.HandBackMessageId(envelope.DeliveryId, envelope.Redrive, envelope.Attempt, delivery.Sequence);
        var copy = new StreamMessage(delivery.Subject, id, [.. delivery.Headers.Where(h => h.Key == EnvelopeCodec.HeaderName)], delivery.Body);
        if (await writer.StoreAsync(copy, ct) != WriteResult.Stored)
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
            await delivery.HandBackAsync(delay, ct);
        }
        catch (Exception fault) when (fault is NatsException or OperationCanceledException or ObjectDisposedException)
        {
            Log.HandBackFailed(log, delivery.Subject, delivery.Sequence, fault.Message);
        }
    }
}
