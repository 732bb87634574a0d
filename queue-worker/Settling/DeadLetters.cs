using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Settling;

/// <summary>
/// Writes what was given up, with its biography. What is too large for a message of the stream is left out piece by piece, and the biography says so; alone,
/// it always fits.
/// </summary>
internal sealed class DeadLetters(QueueWorkerOptions options, RecordWriter writer, TimeProvider time, ILogger<DeadLetters> log)
{
    private const int MaxErrorLength = 1000;

    /// <summary>Stores a call that ended without success; returns once the stream has it.</summary>
    public async Task StoreAsync(Delivery delivery, Envelope envelope, DeadKind kind, Biography biography, CancellationToken ct)
    {
        biography = Bounded(biography);
        var subject = StreamNames.DeadSubject(options.Queue, kind, envelope.FunctionName);
        var id = StreamNames.DeadMessageId(envelope.DeliveryId, envelope.Redrive);
        await StoreAsync(
            [
                new(subject, id, [Of(envelope), Of(biography)], delivery.Body),
                new(subject, id, [Of(envelope), Of(Without(biography, "its body"))], default),
                new(subject, id, [Of(Bare(envelope)), Of(Without(biography, "its body and headers"))], default),
                new(subject, id, [Of(Without(biography, "everything else"))], default),
            ],
            ct);
        Tell(biography, envelope.CallId, envelope.FunctionName.ToString());
    }

    /// <summary>Stores a message that is no envelope of ours, headers and body as they came.</summary>
    public async Task StoreForeignAsync(Delivery delivery, string error, CancellationToken ct)
    {
        var function = FunctionOf(delivery.Subject);
        var subject = StreamNames.DeadSubject(options.Queue, DeadKind.Call, function);
        var id = StreamNames.ForeignMessageId(delivery.Place.Stream, delivery.Place.Sequence, delivery.Place.Stored);
        var biography = Bounded(new Biography
        {
            Reason = DeadReasons.Foreign,
            FirstAt = delivery.Place.Stored,
            LastAt = time.GetUtcNow(),
            Error = $"{error}; subject {delivery.Subject}",
        });
        var headers = delivery.Headers.Where(h => !h.Key.StartsWith("Nats-", StringComparison.OrdinalIgnoreCase) && h.Key != Biography.HeaderName);
        await StoreAsync(
            [
                new(subject, id, [.. headers, Of(biography)], delivery.Body),
                new(subject, id, [Of(Without(biography, "its headers"))], delivery.Body),
                new(subject, id, [Of(Without(biography, "its headers and body"))], default),
            ],
            ct);
        Tell(biography, "", function.ToString());
    }

    /// <summary>Stores a callback that was given up.</summary>
    public async Task StoreCallbackAsync(Envelope envelope, CallbackRecord record, Biography biography, ReadOnlyMemory<byte> body, CancellationToken ct)
    {
        biography = Bounded(biography);
        var subject = StreamNames.DeadSubject(options.Queue, DeadKind.Callback, envelope.FunctionName);
        var id = StreamNames.DeadCallbackMessageId(envelope.DeliveryId, envelope.Redrive, record.Redrive);
        var shorter = record with { Posts = null };
        var bodiless = CallbackRecords.WithoutBody(shorter);
        await StoreAsync(
            [
                new(subject, id, [Of(envelope), Of(record), Of(biography)], body),
                new(subject, id, [Of(envelope), Of(shorter), Of(biography)], body),
                new(subject, id, [Of(envelope), Of(bodiless), Of(biography)], default),
                new(subject, id, [Of(Bare(envelope) with { Callback = envelope.Callback }), Of(CallbackRecords.WithoutHeaders(record)), Of(biography)], default),
                new(subject, id, [Of(Without(biography, "everything else"))], default),
            ],
            ct);
        Tell(biography, envelope.CallId, envelope.FunctionName.ToString());
    }

    private async Task StoreAsync(IEnumerable<StreamMessage> forms, CancellationToken ct)
    {
        if (!await writer.StoreAsync(forms, ct))
        {
            throw new NotStoredException("the stream of dead letters does not even take a biography");
        }
    }

    private void Tell(Biography biography, string callId, string function)
    {
        Metrics.DeadLettered(options.Queue, biography.Reason);
        Log.Dead(log, callId, function, biography.Reason, biography.Attempts, biography.Status, biography.Error);
    }

    // Whoever wrote a foreign message chose its subject: a name that a subject of ours could not carry is none.
    private static FunctionName FunctionOf(string subject) =>
        StreamNames.FunctionOf(subject) is { IsValid: true, IsShort: true } found ? found : new FunctionName("unknown", "unknown");

    private static Biography Bounded(Biography biography) =>
        biography.Error is { Length: > MaxErrorLength } error ? biography with { Error = error[..MaxErrorLength] + "…" } : biography;

    private static Biography Without(Biography biography, string what) =>
        biography with { IsIncomplete = true, Error = $"{biography.Error}{(biography.Error is null ? "" : "; ")}{what} did not fit into a message of the stream" };

    private static Envelope Bare(Envelope envelope) => envelope with { Headers = [], Path = "", Query = "", Callback = null, Trace = null, Tags = null, PastAttempts = null, Unknown = null };

    private static KeyValuePair<string, string> Of(Envelope envelope) => new(EnvelopeCodec.HeaderName, EnvelopeCodec.Encode(envelope));

    private static KeyValuePair<string, string> Of(CallbackRecord record) => new(CallbackRecord.HeaderName, record.Encode());

    private static KeyValuePair<string, string> Of(Biography biography) => new(Biography.HeaderName, biography.Encode());
}
