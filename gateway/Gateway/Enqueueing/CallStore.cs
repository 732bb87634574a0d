using System.Collections.Concurrent;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.Core;

namespace Connectors.Gateway.Enqueueing;

/// <summary>Stores calls and callback records, and answers only once the stream has them: a 202 is never false.</summary>
internal sealed class CallStore(StreamPublisher publisher, StreamSetup streams, QueueOptions options)
{
    // How often a write with a message id is tried within nats_publish_timeout when answers are lost.
    private const int Tries = 4;

    private readonly QueueOptions _options = options;

    // What is the same for all calls of a queue, and for all of its callback records.
    private readonly ConcurrentDictionary<string, Route> _calls = new();
    private readonly ConcurrentDictionary<string, Route> _aside = new();
    private readonly ConcurrentDictionary<string, Route> _callbacks = new();

    /// <summary>
    /// Stores a call, one with a due time aside: whatever is left of that time, for the same stream has to see a repeat. Throws
    /// <see cref="NotStoredException"/> unless it is known to be stored.
    /// </summary>
    public Task<StoredCall> StoreAsync(string queue, Envelope envelope, string encoded, ReadOnlyMemory<byte> body, string? messageId) => envelope.Due is { } due
        ? StoreAsideAsync(queue, AsideGroup.At(due), envelope, encoded, body, messageId)
        : StoreWaitingAsync(queue, envelope, encoded, body, messageId);

    private Task<StoredCall> StoreAsideAsync(string queue, AsideGroup group, Envelope envelope, string encoded, ReadOnlyMemory<byte> body, string? messageId) => StoreAsync(
        _aside.GetOrAdd(queue, static (name, store) => store.RouteTo(StreamShape.Aside(name, store._options.Limits)), this),
        new StreamMessage(StreamNames.AsideSubject(queue, group, envelope.Priority, envelope.FunctionName), messageId, [new(EnvelopeCodec.HeaderName, encoded)], body));

    private Task<StoredCall> StoreWaitingAsync(string queue, Envelope envelope, string encoded, ReadOnlyMemory<byte> body, string? messageId) => StoreAsync(
        _calls.GetOrAdd(queue, static (name, store) => store.RouteTo(StreamShape.Calls(name, store._options.Limits)), this),
        new StreamMessage(StreamNames.CallSubject(queue, envelope.Priority, envelope.FunctionName), messageId, [new(EnvelopeCodec.HeaderName, encoded)], body));

    /// <summary>Stores the record of a callback.</summary>
    public Task<StoredCall> StoreCallbackAsync(string queue, Envelope envelope, CallbackRecord record, ReadOnlyMemory<byte> body, string messageId) => StoreAsync(
        _callbacks.GetOrAdd(queue, static (name, store) => store.RouteTo(StreamShape.Callbacks(name, store._options.Limits)), this),
        new StreamMessage(
            StreamNames.CallbackSubject(queue, envelope.FunctionName),
            messageId,
            [new(EnvelopeCodec.HeaderName, EnvelopeCodec.Encode(envelope)), new(CallbackRecord.HeaderName, record.Encode())],
            body));

    /// <summary>Forgets a queue whose streams were deleted: whoever names ever new queues would have all of them remembered. False if nothing was known of it.</summary>
    public bool Forget(string queue)
    {
        foreach (var stream in StreamNames.StreamsOf(queue))
        {
            streams.Forget(stream);
        }

        return _calls.TryRemove(queue, out _) | _aside.TryRemove(queue, out _) | _callbacks.TryRemove(queue, out _);
    }

    private Route RouteTo(StreamShape stream)
    {
        var once = new WriteTerms(_options.PublishTimeout)
        {
            TryTimeout = _options.PublishTimeout,
            Prepare = (isMissing, ct) => streams.EnsureOnceAsync(stream, isMissing, ct),
        };
        return new Route(stream, once, once with { TryTimeout = _options.PublishTimeout / Tries });
    }

    private async Task<StoredCall> StoreAsync(Route route, StreamMessage message)
    {
        var stream = route.Stream;
        var write = await publisher.WriteAsync(message, message.Id is null ? route.Once : route.Repeated, CancellationToken.None);
        return write.Result switch
        {
            WriteResult.Stored or WriteResult.Duplicate when write.Stream != stream.Name =>
                throw new ConfigurationException($"stream {stream.Name}: {message.Subject} is taken by the stream {write.Stream}. Take that subject from it, or choose another queue"),
            WriteResult.Stored or WriteResult.Duplicate => new StoredCall(write.Result == WriteResult.Duplicate),
            WriteResult.TooLarge => throw new NatsPayloadTooLargeException(write.Reason),
            WriteResult.Full => throw new NotStoredException($"the queue is full: {write.Reason}") { IsFull = true },
            WriteResult.Refused => throw new NotStoredException(write.Reason),
            _ => throw new NotStoredException($"{write.Reason}: it is not known whether the call was stored; repeating it with the same Idempotency-Key is safe") { MayBeStored = true },
        };
    }

    /// <summary>A stream, and on which terms messages are written to it, without and with a message id.</summary>
    private sealed record Route(StreamShape Stream, WriteTerms Once, WriteTerms Repeated);
}

/// <summary>A call that is in its stream.</summary>
/// <param name="IsDuplicate">Whether the stream had it before.</param>
internal readonly record struct StoredCall(bool IsDuplicate);
