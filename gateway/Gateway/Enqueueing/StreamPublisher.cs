using System.Text.Json;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace Connectors.Gateway.Enqueueing;

/// <summary>
/// Stores an envelope and waits for the stream's ack. What was surely not stored is published again while the time lasts; what may have been stored
/// only if it carries a message id, by which the stream recognises the repeat.
/// </summary>
internal sealed class StreamPublisher(NatsLink link, CallStreams streams, QueueOptions options, TimeProvider time)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    // An ack takes milliseconds; one that is missing for so long was lost with a leader or a connection.
    private static readonly TimeSpan PatienceWithId = TimeSpan.FromMilliseconds(500);

    /// <summary>Stores a call.</summary>
    public Task<StoredCall> StoreAsync(string queue, Envelope envelope, string encoded, ReadOnlyMemory<byte> body, string? messageId) => StoreAsync(
        queue,
        StreamNames.Calls(queue),
        StreamNames.CallSubject(queue, envelope.Priority, envelope.FunctionName),
        () => Headers(messageId, (EnvelopeCodec.HeaderName, encoded)),
        body,
        messageId is not null);

    /// <summary>Stores the record of a callback.</summary>
    public Task<StoredCall> StoreCallbackAsync(string queue, Envelope envelope, CallbackRecord record, ReadOnlyMemory<byte> body, string messageId) => StoreAsync(
        queue,
        StreamNames.Callbacks(queue),
        StreamNames.CallbackSubject(queue, envelope.FunctionName),
        () => Headers(messageId, (EnvelopeCodec.HeaderName, EnvelopeCodec.Encode(envelope)), (CallbackRecord.HeaderName, record.Encode())),
        body,
        hasId: true);

    private async Task<StoredCall> StoreAsync(string queue, string stream, string subject, Func<NatsHeaders> headers, ReadOnlyMemory<byte> body, bool hasId)
    {
        using var limit = new CancellationTokenSource(options.PublishTimeout, time);
        var mayBeStored = false;
        var why = "the queue could not be reached";
        try
        {
            while (true)
            {
                await link.WaitOpenAsync(limit.Token);
                await streams.EnsureAsync(queue, limit.Token);
                var (fate, ack) = await PublishAsync(subject, headers(), body, hasId, limit.Token);
                switch (fate)
                {
                    case PublishFate.Acked when ack!.Error is null:
                        return ack.Stream == stream
                            ? new StoredCall(ack.Duplicate)
                            : throw new ForeignStreamException(stream, "its subject", $"in the stream {ack.Stream}", subject);
                    case PublishFate.Acked when !ack!.Error!.MayPass:
                        throw new NotStoredException($"the queue is full: {ack.Error.Description}");
                    case PublishFate.Acked:
                        why = ack.Error.Description;
                        break;
                    case PublishFate.NoResponders:
                        why = "the queue's stream does not answer";
                        streams.Forget(queue);
                        break;
                    default:
                        mayBeStored = true;
                        why = "the queue did not confirm";
                        if (!hasId)
                        {
                            throw NotKnown(why);
                        }

                        break;
                }

                await Task.Delay(Pause, time, limit.Token);
            }
        }
        catch (Exception fault) when (fault is OperationCanceledException or NatsException and not NatsPayloadTooLargeException)
        {
            throw mayBeStored ? NotKnown(why) : new NotStoredException(fault is NatsException ? fault.Message : why);
        }
    }

    private async Task<(PublishFate Fate, StreamAck? Ack)> PublishAsync(string subject, NatsHeaders headers, ReadOnlyMemory<byte> body, bool hasId, CancellationToken limit)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(limit);
        if (hasId)
        {
            patience.CancelAfter(PatienceWithId);
        }

        try
        {
            var reply = await link.Connection.RequestAsync(
                subject,
                body,
                headers,
                NatsRawSerializer<ReadOnlyMemory<byte>>.Default,
                NatsRawSerializer<ReadOnlyMemory<byte>>.Default,
                replyOpts: new NatsSubOpts { Timeout = options.PublishTimeout },
                cancellationToken: patience.Token);
            return (PublishFate.Acked, JsonSerializer.Deserialize(reply.Data.Span, StreamAckJson.Default.StreamAck));
        }
        catch (NatsNoRespondersException)
        {
            return (PublishFate.NoResponders, null);
        }
        catch (Exception fault) when (fault is OperationCanceledException or JsonException or (NatsException and not NatsPayloadTooLargeException))
        {
            return (PublishFate.Unknown, null);
        }
    }

    private static NatsHeaders Headers(string? messageId, params ReadOnlySpan<(string Name, string Value)> lines)
    {
        var headers = new NatsHeaders();
        foreach (var (name, value) in lines)
        {
            headers[name] = value;
        }

        if (messageId is not null)
        {
            headers["Nats-Msg-Id"] = messageId;
        }

        return headers;
    }

    private static NotStoredException NotKnown(string why) => new($"{why}: it is not known whether the call was stored; repeating it with the same Idempotency-Key is safe");

    private enum PublishFate
    {
        Acked,
        NoResponders,
        Unknown,
    }
}

/// <summary>A call that is in its stream.</summary>
/// <param name="IsDuplicate">Whether the stream had it before.</param>
internal readonly record struct StoredCall(bool IsDuplicate);
