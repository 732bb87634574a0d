using System.Buffers;
using NATS.Client.Core;

namespace Connectors.Streams.Nats;

/// <summary>Takes a message. Called on the thread that reads the connection: it may neither block nor throw. The bytes are valid during the call only.</summary>
/// <param name="subject">Its subject.</param>
/// <param name="reply">Where an answer goes; null for nowhere.</param>
/// <param name="headers">The header block as it stands in the message; null without one.</param>
/// <param name="body">Its body.</param>
public delegate void MessageTaker(string subject, string? reply, ReadOnlySequence<byte>? headers, ReadOnlySequence<byte> body);

/// <summary>
/// A subscription that hands each message over as it is read, without a channel and a wake-up between. It is made again with each connection by the client.
/// </summary>
/// <param name="connection">The connection.</param>
/// <param name="subjects">What is subscribed to.</param>
/// <param name="taker">Takes the messages.</param>
public sealed class DirectSubscription(INatsConnection connection, string subjects, MessageTaker taker)
    : NatsSubBase(connection, connection.SubscriptionManager, subjects, queueGroup: null, opts: null)
{
    /// <summary>Subscribes.</summary>
    public static async Task<DirectSubscription> OpenAsync(INatsConnection connection, string subjects, MessageTaker taker, CancellationToken ct)
    {
        var subscription = new DirectSubscription(connection, subjects, taker);
        await connection.AddSubAsync(subscription, ct);
        return subscription;
    }

    /// <inheritdoc/>
    public override ValueTask ReceiveAsync(string subject, string? replyTo, ReadOnlySequence<byte>? headersBuffer, ReadOnlySequence<byte> payloadBuffer)
    {
        taker(subject, replyTo, headersBuffer, payloadBuffer);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    protected override ValueTask ReceiveInternalAsync(string subject, string? replyTo, ReadOnlySequence<byte>? headersBuffer, ReadOnlySequence<byte> payloadBuffer) =>
        ReceiveAsync(subject, replyTo, headersBuffer, payloadBuffer);

    /// <inheritdoc/>
    protected override void TryComplete()
    {
        // There is nothing to complete: messages are taken as they come.
    }
}
