using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Settling;

/// <summary>Writes what was given up, with its biography.</summary>
internal sealed class DeadLetters(QueueWorkerOptions options, StreamPublisher publisher, Metrics metrics, TimeProvider time, ILogger<DeadLetters> log)
{
    /// <summary>Stores a call that ended without success; returns once the stream has it.</summary>
    public async Task StoreAsync(Delivery delivery, Envelope envelope, DeadKind kind, Biography biography, CancellationToken ct)
    {
        var subject = StreamNames.DeadSubject(options.Queue, kind, envelope.FunctionName);
        var id = StreamNames.DeadMessageId(envelope.DeliveryId, envelope.Redrive);
        var message = new StreamMessage(
            subject, id, [new(EnvelopeCodec.HeaderName, EnvelopeCodec.Encode(envelope)), new(Biography.HeaderName, biography.Encode())], delivery.Body);
        await StoreAsync(message, ct);
        Tell(biography, envelope.CallId, envelope.FunctionName.ToString());
    }

    /// <summary>Stores a message that is no envelope of ours, headers and body as they came.</summary>
    public async Task StoreForeignAsync(Delivery delivery, string error, CancellationToken ct)
    {
        var function = StreamNames.FunctionOf(delivery.Subject) ?? new FunctionName("unknown", "unknown");
        var now = time.GetUtcNow();
        var biography = new Biography { Reason = DeadReasons.Foreign, FirstAt = delivery.Stored, LastAt = now, Error = $"{error}; subject {delivery.Subject}" };
        var headers = delivery.Headers.Where(h => !h.Key.StartsWith("Nats-", StringComparison.OrdinalIgnoreCase) && h.Key != Biography.HeaderName);
        var message = new StreamMessage(
            StreamNames.DeadSubject(options.Queue, DeadKind.Call, function),
            StreamNames.ForeignMessageId(delivery.Sequence, delivery.Stored),
            [.. headers, new(Biography.HeaderName, biography.Encode())],
            delivery.Body);
        await StoreAsync(message, ct);
        Tell(biography, "", function.ToString());
    }

    /// <summary>Stores a callback that was given up.</summary>
    public async Task StoreCallbackAsync(
        string subject, Envelope envelope, CallbackRecord record, Biography biography, ReadOnlyMemory<byte> body, CancellationToken ct)
    {
        var message = new StreamMessage(
            subject,
            StreamNames.DeadCallbackMessageId(envelope.DeliveryId, envelope.Redrive, record.Redrive),
            [
                new(EnvelopeCodec.HeaderName, EnvelopeCodec.Encode(envelope)),
                new(CallbackRecord.HeaderName, record.Encode()),
                new(Biography.HeaderName, biography.Encode()),
            ],
            body);
        await StoreAsync(message, ct);
        Tell(biography, envelope.CallId, envelope.FunctionName.ToString());
    }

    // What fitted into one stream fits into the other but for the biography: a body that does not is dropped rather than tried for ever.
    private Task StoreAsync(StreamMessage message, CancellationToken ct) =>
        publisher.StoreForSureAsync(publisher.Fits(message) ? message : message with { Body = default }, ct);

    private void Tell(Biography biography, string callId, string function)
    {
        metrics.DeadLetters.WithLabels(options.Queue, biography.Reason).Inc();
        Log.Dead(log, callId, function, biography.Reason, biography.Attempts, biography.Status, biography.Error);
    }
}
