using Connectors.RabbitMq.Broker;
using Connectors.Sdk.Events;
using Connectors.Sdk.Invocation;
using Microsoft.Extensions.Logging;

namespace Connectors.RabbitMq.Settling;

/// <summary>Writes dead letters: the message as it was, with its biography in <c>X-Dead-*</c> headers beside its own.</summary>
internal sealed class DeadLetters(RabbitMqOptions options, BrokerWriter writer, TimeProvider time, ILogger<DeadLetters> log)
{
    // The broker sends copies to the queues that these name.
    private static readonly string[] Addresses = ["CC", "BCC"];

    // What is left out of a letter whose properties would be too large for AMQP, a step further each time. The last form always fits.
    private enum Left
    {
        Nothing,
        Headers,
        Properties,
    }

    /// <summary>True once the broker has it. False, told and counted, if it is not known to: the message is then not done.</summary>
    public async Task<bool> TryWriteAsync(RabbitMqMessage message, Outcome outcome, int attempt, CancellationToken ct)
    {
        var queue = options.Failure.DeadLetterQueueOf(message.Queue);
        try
        {
            var channel = await writer.OpenAsync(ct);
            var (letter, headers) = Letter(message, channel, queue, Biography(message, outcome, attempt));
            await channel.WriteAsync(queue, letter, headers, options.DeclareQueues, ct);
            return true;
        }
        catch (Exception fault)
        {
            Metrics.DeadLetterFailed(message.Queue);
            Log.DeadLetterFailed(log, message.Queue, message.Event.Id, queue, fault.Message);
            return false;
        }
    }

    private (QueueMessage Letter, Dictionary<string, object?> Headers) Letter(
        RabbitMqMessage message, WritingChannel channel, string queue, Header[] biography)
    {
        var (letter, headers, left) = (message.Message, Headers(message.Message, biography, Left.Nothing), Left.Nothing);
        while (left < Left.Properties && !channel.Fits(letter, headers))
        {
            left++;
            letter = left == Left.Properties ? message.Message with { Properties = new MessageProperties() } : message.Message;
            headers = Headers(message.Message, biography, left);
        }

        if (left != Left.Nothing)
        {
            Metrics.DeadLetterReduced(message.Queue);
            Log.DeadLetterReduced(log, message.Queue, message.Event.Id, queue, Words(message.Message, left));
        }

        return (letter, headers);
    }

    private static Dictionary<string, object?> Headers(QueueMessage message, Header[] biography, Left left)
    {
        var headers = left == Left.Nothing ? message.Properties.Headers.Where(h => !Addresses.Contains(h.Key)).ToDictionary() : [];
        foreach (var (name, value) in left == Left.Nothing ? biography : biography.Append(new Header("X-Dead-Dropped", Words(message, left))))
        {
            headers[name] = value;
        }

        return headers;
    }

    // headers=3 properties: how many headers, and whether the properties are left out too.
    private static string Words(QueueMessage message, Left left) => $"headers={message.Properties.Headers.Count}{(left == Left.Properties ? " properties" : "")}";

    private Header[] Biography(RabbitMqMessage message, Outcome outcome, int attempt) =>
    [
        new("X-Dead-Queue", message.Queue),
        new("X-Dead-Exchange", message.Message.Exchange),
        new("X-Dead-Routing-Key", message.Message.RoutingKey),
        .. DeadLetterHeaders.Of(outcome, attempt, time.GetUtcNow()),
    ];
}
