using RabbitMQ.Client;

namespace Connectors.RabbitMq.Broker;

/// <summary>
/// One queue's channel: messages come in by it, and are settled by it or not at all. When it ends, the broker gives all that was not settled to the next
/// consumer; settling it here then has no effect, and says so.
/// </summary>
internal sealed class QueueChannel
{
    private const string Priority = "x-priority";

    // Ours, so that a consumer can be cancelled though its beginning was not answered. A channel has but one.
    private const string ConsumerTag = "connector";

    // Queues take it, and it is what they go by without it; streams, which have no priorities, refuse it.
    private static readonly Dictionary<string, object?> UsualPriority = new() { [Priority] = 0 };

    private readonly QueueSpec _queue;
    private readonly IChannel _channel;
    private readonly BrokerConnection _connection;
    private readonly TaskCompletionSource<BrokerFault> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _isConsuming;
    private volatile bool _isCancelled;

    // Guards what follows: how many came and are not settled, and whether more may come.
    private readonly Lock _gate = new();
    private int _held;
    private bool _isStopped;
    private volatile bool _isClosed;

    public QueueChannel(QueueSpec queue, IChannel channel, BrokerConnection connection, BrokerOptions options)
    {
        (_queue, _channel, _connection) = (queue, channel, connection);
        channel.ChannelShutdownAsync += (_, reason) =>
        {
            _ended.TrySetResult(BrokerFault.Of(reason, options));
            return Task.CompletedTask;
        };
        if (channel.CloseReason is { } already)
        {
            _ended.TrySetResult(BrokerFault.Of(already, options));
        }
    }

    /// <summary>Completed once no more messages come by it, with the reason.</summary>
    public Task<BrokerFault> Ended => _ended.Task;

    /// <summary>Completed once it is to consume no more, and the broker knows that or does not say so in time: what is given back then does not come by it.</summary>
    public Task Stopped => _stopped.Task;

    /// <summary>Whether what came by it can still be settled.</summary>
    public bool IsOpen => !_isClosed && _channel.IsOpen;

    /// <summary>Whether it is known to consume no more: what it gives back comes by others.</summary>
    public bool IsCancelled => _isCancelled;

    /// <summary>Begins to consume.</summary>
    /// <param name="take">Called for each message, in order; it does not throw.</param>
    /// <param name="ct">Ends the request, not the consuming.</param>
    public async Task ConsumeAsync(Action<QueueMessage> take, CancellationToken ct)
    {
        _isConsuming = true;
        try
        {
            await _connection.AnswerAsync(
                $"basic.consume of {_queue.Name}",
                () => _channel.BasicConsumeAsync(
                    _queue.Name, autoAck: false, ConsumerTag, noLocal: false, exclusive: false, UsualPriority, new Consumer(this, take), ct),
                ct);
        }
        catch (BrokerException fault) when (fault.Kind == "mismatch" && fault.Message.Contains(Priority, StringComparison.Ordinal))
        {
            throw new BrokerException(BrokerFault.Stream(_queue.Name));
        }
    }

    /// <summary>Consumes no more. What came can still be settled; the channel closes after the last of it.</summary>
    public async Task StopAsync(CancellationToken ct)
    {
        try
        {
            if (_isConsuming)
            {
                _isConsuming = false;
                await CancelAsync().WaitAsync(ct);
            }
        }
        finally
        {
            _stopped.TrySetResult();
            LetGo(0, isLast: true);
        }
    }

    /// <summary>
    /// How many messages wait in the queue, and how many consumers it has, ours among them; null if the channel has ended. Throws a
    /// <see cref="BrokerException"/> if the answer is late.
    /// </summary>
    public async Task<(long Messages, long Consumers)?> LookAsync(CancellationToken ct)
    {
        try
        {
            var queue = await _connection.AnswerAsync($"queue.declare of {_queue.Name}", () => _channel.QueueDeclarePassiveAsync(_queue.Name, ct), ct);
            return (queue.MessageCount, queue.ConsumerCount);
        }
        catch (Exception fault) when (fault is BrokerException { Kind: not "timeout" } or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>The message is done. False if the channel has ended, and it will come again.</summary>
    public Task<bool> AckAsync(QueueMessage message, CancellationToken ct) => SettledAsync("basic.ack", () => _channel.BasicAckAsync(message.Tag, multiple: false, ct), ct);

    /// <summary>Gives it back unjudged: from RabbitMQ 4.3 on a quorum queue does not count that. False as for <see cref="AckAsync"/>.</summary>
    public Task<bool> NakAsync(QueueMessage message, CancellationToken ct) =>
        SettledAsync("basic.nack", () => _channel.BasicNackAsync(message.Tag, multiple: false, requeue: true, ct), ct);

    /// <summary>
    /// Gives it back as one that failed, which a quorum queue counts, or, without <paramref name="requeue"/>, to the queue's dead-letter exchange. False as for
    /// <see cref="AckAsync"/>.
    /// </summary>
    public Task<bool> RejectAsync(QueueMessage message, bool requeue, CancellationToken ct) =>
        SettledAsync("basic.reject", () => _channel.BasicRejectAsync(message.Tag, requeue, ct), ct);

    private async Task<bool> SettledAsync(string request, Func<ValueTask> ask, CancellationToken ct)
    {
        try
        {
            return IsOpen && await DoneAsync(request, ask, ct);
        }
        finally
        {
            LetGo(1);
        }
    }

    // The broker cancelled the consumer by itself, and has again, or has no more, what came by it: none of that may be run here any longer. It goes back
    // unjudged, for a quorum queue counts what a channel that closes still has; and before it could come at once by this one again, nothing is to.
    private async Task AbandonAsync()
    {
        lock (_gate)
        {
            if (_isClosed)
            {
                return;
            }

            _isClosed = true;
        }

        await DoneAsync("basic.cancel", () => new ValueTask(_channel.BasicCancelAsync(ConsumerTag, noWait: true, CancellationToken.None)), CancellationToken.None);
        await DoneAsync("basic.nack", () => _channel.BasicNackAsync(deliveryTag: 0, multiple: true, requeue: true, CancellationToken.None), CancellationToken.None);
        await CloseAsync();
    }

    // Goes on though nobody waits for it any more: an answer that comes late says it all the same.
    private async Task CancelAsync() =>
        _isCancelled = await DoneAsync("basic.cancel", () => new ValueTask(_channel.BasicCancelAsync(ConsumerTag, noWait: false, CancellationToken.None)), CancellationToken.None);

    // What comes by a channel that is about to be closed is the broker's again.
    private bool TryHold()
    {
        lock (_gate)
        {
            _held += _isClosed ? 0 : 1;
            return !_isClosed;
        }
    }

    private void LetGo(int settled, bool isLast = false)
    {
        lock (_gate)
        {
            _held -= settled;
            _isStopped |= isLast;
            if (!_isStopped || _isClosed || _held > 0)
            {
                return;
            }

            _isClosed = true;
        }

        _ = CloseAsync();
    }

    private async Task CloseAsync()
    {
        await DoneAsync("channel.close", () => new ValueTask(_channel.CloseAsync(CancellationToken.None)), CancellationToken.None);
        await _channel.DisposeAsync();
    }

    // False if it is not known to be done.
    private async Task<bool> DoneAsync(string request, Func<ValueTask> ask, CancellationToken ct)
    {
        try
        {
            return await _connection.AnswerAsync(
                request,
                async () =>
                {
                    await ask();
                    return true;
                },
                ct);
        }
        catch (Exception fault) when (fault is BrokerException or InvalidOperationException)
        {
            // An answer to an earlier request, that was late, may have been taken for the one to this.
            return false;
        }
    }

    private sealed class Consumer(QueueChannel channel, Action<QueueMessage> take) : AsyncDefaultBasicConsumer(channel._channel)
    {
        public override Task HandleBasicDeliverAsync(
            string consumerTag,
            ulong deliveryTag,
            bool redelivered,
            string exchange,
            string routingKey,
            IReadOnlyBasicProperties properties,
            ReadOnlyMemory<byte> body,
            CancellationToken cancellationToken = default)
        {
            // The client takes its buffer back after this call.
            if (channel.TryHold())
            {
                take(new QueueMessage(deliveryTag, redelivered, exchange, routingKey, Read(properties), body.ToArray()));
            }

            return Task.CompletedTask;
        }

        public override Task HandleBasicCancelAsync(string consumerTag, CancellationToken cancellationToken = default)
        {
            channel._isConsuming = false;
            channel._ended.TrySetResult(new BrokerFault(
                "missing", $"the broker cancelled the consumer of {channel._queue.Name}: the queue was deleted or moved, or a message was held beyond consumer_timeout"));

            // Not awaited: the channel closes after its consumers' last call, and this is one.
            _ = channel.AbandonAsync();
            return Task.CompletedTask;
        }

        private static MessageProperties Read(IReadOnlyBasicProperties properties) => new()
        {
            MessageId = properties.MessageId,
            ContentType = properties.ContentType,
            ContentEncoding = properties.ContentEncoding,
            CorrelationId = properties.CorrelationId,
            ReplyTo = properties.ReplyTo,
            Type = properties.Type,
            AppId = properties.AppId,
            UserId = properties.UserId,
            Priority = properties.IsPriorityPresent() ? properties.Priority : null,
            Timestamp = properties.IsTimestampPresent() ? properties.Timestamp.UnixTime : null,
            Headers = properties.Headers is { } headers ? new Dictionary<string, object?>(headers) : new Dictionary<string, object?>(),
        };
    }
}
