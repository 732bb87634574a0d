using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace Connectors.RabbitMq.Broker;

/// <summary>
/// One queue's channel: messages come in by it, and are settled by it or not at all. When it ends, the broker gives all that was not settled to the next
/// consumer; settling it here then has no effect, and says so.
/// </summary>
internal sealed class QueueChannel
{
    private const string Priority = "x-priority";

    // Queues take it, and it is what they go by without it; streams, which have no priorities, refuse it.
    private static readonly Dictionary<string, object?> UsualPriority = new() { [Priority] = 0 };

    private readonly QueueSpec _queue;
    private readonly IChannel _channel;
    private readonly BrokerConnection _connection;
    private readonly BrokerOptions _options;
    private readonly TaskCompletionSource<BrokerFault> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private string? _consumer;
    private volatile bool _isCancelled;

    // Guards what follows: how many came and are not settled, and whether more may come.
    private readonly Lock _gate = new();
    private int _held;
    private bool _isStopped;
    private volatile bool _isClosed;

    public QueueChannel(QueueSpec queue, IChannel channel, BrokerConnection connection, BrokerOptions options)
    {
        (_queue, _channel, _connection, _options) = (queue, channel, connection, options);
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

    /// <summary>Whether what came by it can still be settled.</summary>
    public bool IsOpen => !_isClosed && _channel.IsOpen;

    /// <summary>Whether it is known to consume no more: what it gives back comes by others.</summary>
    public bool IsCancelled => _isCancelled;

    /// <summary>Begins to consume.</summary>
    /// <param name="take">Called for each message, in order; it does not throw.</param>
    /// <param name="ct">Ends the request, not the consuming.</param>
    public async Task ConsumeAsync(Action<QueueMessage> take, CancellationToken ct)
    {
        try
        {
            _consumer = await _channel.BasicConsumeAsync(
                _queue.Name, autoAck: false, consumerTag: "", noLocal: false, exclusive: false, UsualPriority, new Consumer(this, take), ct);
        }
        catch (OperationInterruptedException fault) when (
            fault.ShutdownReason is { ReplyCode: Constants.PreconditionFailed, ReplyText: { } text } && text.Contains(Priority, StringComparison.Ordinal))
        {
            throw new BrokerException(BrokerFault.Stream(_queue.Name));
        }
        catch (OperationInterruptedException fault)
        {
            throw new BrokerException(BrokerFault.Of(fault, _options));
        }
    }

    /// <summary>Consumes no more. What came can still be settled; the channel closes after the last of it.</summary>
    public async Task StopAsync(CancellationToken ct)
    {
        try
        {
            if (_consumer is { } consumer)
            {
                _consumer = null;
                _isCancelled = await DoneAsync(() => new ValueTask(_channel.BasicCancelAsync(consumer, cancellationToken: ct)));
            }
        }
        finally
        {
            LetGo(0, isLast: true);
        }
    }

    /// <summary>How many messages wait in the queue, and how many consumers it has, ours among them; null if the channel has ended.</summary>
    public async Task<(long Messages, long Consumers)?> LookAsync(CancellationToken ct)
    {
        (long, long)? seen = null;
        await DoneAsync(async () =>
        {
            var queue = await _channel.QueueDeclarePassiveAsync(_queue.Name, ct);
            seen = (queue.MessageCount, queue.ConsumerCount);
        });
        return seen;
    }

    /// <summary>The message is done. False if the channel has ended, and it will come again.</summary>
    public Task<bool> AckAsync(QueueMessage message, CancellationToken ct) => SettledAsync(() => _channel.BasicAckAsync(message.Tag, multiple: false, ct));

    /// <summary>Gives it back unjudged: from RabbitMQ 4.3 on a quorum queue does not count that. False as for <see cref="AckAsync"/>.</summary>
    public Task<bool> NakAsync(QueueMessage message, CancellationToken ct) => SettledAsync(() => _channel.BasicNackAsync(message.Tag, multiple: false, requeue: true, ct));

    /// <summary>
    /// Gives it back as one that failed, which a quorum queue counts, or, without <paramref name="requeue"/>, to the queue's dead-letter exchange. False as for
    /// <see cref="AckAsync"/>.
    /// </summary>
    public Task<bool> RejectAsync(QueueMessage message, bool requeue, CancellationToken ct) => SettledAsync(() => _channel.BasicRejectAsync(message.Tag, requeue, ct));

    private async Task<bool> SettledAsync(Func<ValueTask> ask)
    {
        try
        {
            return IsOpen && await DoneAsync(ask);
        }
        finally
        {
            LetGo(1);
        }
    }

    // The broker cancelled the consumer by itself, and has again, or has no more, what came by it: none of that may be run here any longer. It goes back
    // unjudged, for a quorum queue counts what a channel that closes still has; and before it could come at once by this one again, nothing is to.
    private async Task AbandonAsync(string consumer)
    {
        lock (_gate)
        {
            if (_isClosed)
            {
                return;
            }

            _isClosed = true;
        }

        await DoneAsync(() => new ValueTask(_channel.BasicCancelAsync(consumer, noWait: true, CancellationToken.None)));
        await DoneAsync(() => _channel.BasicNackAsync(deliveryTag: 0, multiple: true, requeue: true, CancellationToken.None));
        await CloseAsync();
    }

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
        await DoneAsync(() => new ValueTask(_channel.CloseAsync(CancellationToken.None)));
        await _channel.DisposeAsync();
    }

    // What is asked over a connection that ends meanwhile may never be answered, nor even leave.
    private async Task<bool> DoneAsync(Func<ValueTask> ask)
    {
        try
        {
            var asked = ask().AsTask();
            if (!asked.IsCompleted && await Task.WhenAny(asked, _connection.Ended) != asked)
            {
                return false;
            }

            await asked;
            return true;
        }
        catch (Exception fault) when (fault is OperationInterruptedException or IOException or TimeoutException or ObjectDisposedException)
        {
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
            channel._consumer = null;
            channel._ended.TrySetResult(new BrokerFault(
                "missing", $"the broker cancelled the consumer of {channel._queue.Name}: the queue was deleted or moved, or a message was held beyond consumer_timeout"));

            // Not awaited: the channel closes after its consumers' last call, and this is one.
            _ = channel.AbandonAsync(consumerTag);
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
