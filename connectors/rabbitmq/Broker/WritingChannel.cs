using Connectors.Sdk.Hosting;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Connectors.RabbitMq.Broker;

/// <summary>Writes messages to queues, side by side, and each until the broker has confirmed it.</summary>
internal sealed class WritingChannel(BrokerConnection connection, IChannel channel, TimeProvider time)
{
    private static readonly TimeSpan WritingTime = TimeSpan.FromSeconds(10);

    // What a frame of properties has beside them: its own eight bytes, class, weight, the body's size, which properties there are, and a header of the
    // client's own, by which it tells confirmations apart.
    private const int FrameBytes = 8 + 2 + 2 + 8 + 2 + 64;

    /// <summary>Whether more can be written by it.</summary>
    public bool IsOpen => channel.IsOpen && !connection.Ended.IsCompleted;

    /// <summary>
    /// Whether a message could be written: properties and headers have to fit into one frame (131,072 bytes unless the broker is told otherwise), and the
    /// broker ends a connection over which a larger one comes; names and texts have 255 bytes each, which is not enough for all that was read, for a byte that is
    /// no UTF-8 takes three when it is written.
    /// </summary>
    public bool Fits(QueueMessage message, IReadOnlyDictionary<string, object?> headers)
    {
        var properties = Properties(message.Properties, headers);
        try
        {
            var size = ((IAmqpWriteable)properties).GetRequiredBufferSize();
            if (connection.FrameMax > 0 && FrameBytes + size > connection.FrameMax)
            {
                return false;
            }

            ((IAmqpWriteable)properties).WriteTo(new byte[size]);
            return true;
        }
        catch (Exception fault) when (fault is ArgumentException or WireFormattingException)
        {
            return false;
        }
    }

    /// <summary>Writes a message to a queue, which is made if it is not there and may be. Returns once the broker has it; throws if it is not known to.</summary>
    /// <param name="queue">The queue.</param>
    /// <param name="message">What is written: body and properties, as far as those mean the same for another message.</param>
    /// <param name="headers">Its headers.</param>
    /// <param name="mayMake">Whether the queue may be made.</param>
    /// <param name="ct">Gives it up.</param>
    public async Task WriteAsync(string queue, QueueMessage message, IReadOnlyDictionary<string, object?> headers, bool mayMake, CancellationToken ct)
    {
        try
        {
            await PublishAsync(queue, message, headers, ct);
        }
        catch (PublishException fault) when (fault.IsReturn)
        {
            await connection.DeclareAsync(new QueueSpec(queue), mayMake, ct);
            await PublishAsync(queue, message, headers, ct);
        }
    }

    private async Task PublishAsync(string queue, QueueMessage message, IReadOnlyDictionary<string, object?> headers, CancellationToken ct)
    {
        using var limit = new TimeLimit(WritingTime, time, ct);
        try
        {
            // What is written meanwhile is taken once the broker has room again, though it was given up here by then: one copy for each try.
            await connection.Taking.WaitAsync(limit.Token);
            var written = channel.BasicPublishAsync("", queue, mandatory: true, Properties(message.Properties, headers), message.Body, limit.Token).AsTask();
            if (await Task.WhenAny(written, connection.Ended) != written)
            {
                limit.Cancel();
                throw new BrokerException(await connection.Ended);
            }

            await written;
        }
        catch (OperationCanceledException) when (limit.IsOver)
        {
            throw new TimeoutException(connection.Taking.IsCompleted
                ? $"the broker did not confirm it within {WritingTime.TotalSeconds} s"
                : "the broker takes nothing that is written: it lacks memory or disk, as its alarms say");
        }
    }

    // Not its expiration, nor its user: the one would let the copy go, the other is refused from anybody else.
    private static BasicProperties Properties(MessageProperties from, IReadOnlyDictionary<string, object?> headers)
    {
        var properties = new BasicProperties
        {
            DeliveryMode = DeliveryModes.Persistent,
            Headers = headers.ToDictionary(),
            MessageId = from.MessageId,
            ContentType = from.ContentType,
            ContentEncoding = from.ContentEncoding,
            CorrelationId = from.CorrelationId,
            ReplyTo = from.ReplyTo,
            Type = from.Type,
            AppId = from.AppId,
        };
        if (from.Priority is { } priority)
        {
            properties.Priority = priority;
        }

        if (from.Timestamp is { } timestamp)
        {
            properties.Timestamp = new AmqpTimestamp(timestamp);
        }

        return properties;
    }
}
