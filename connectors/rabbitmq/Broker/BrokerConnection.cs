using Connectors.Sdk.Hosting;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace Connectors.RabbitMq.Broker;

/// <summary>One connection, from its opening to its end; nothing makes it again.</summary>
internal sealed class BrokerConnection : IAsyncDisposable
{
    private static readonly TimeSpan ClosingTime = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan WritingTime = TimeSpan.FromSeconds(10);

    // What a frame of properties has beside them: its own eight bytes, class, weight, the body's size, which properties there are, and a header of the
    // client's own, by which it tells confirmations apart.
    private const int FrameBytes = 8 + 2 + 2 + 8 + 2 + 64;

    private readonly IConnection _connection;
    private readonly BrokerOptions _options;
    private readonly TimeProvider _time;

    // Guards the channel for writes, and what is known to be there.
    private readonly SemaphoreSlim _writing = new(1);
    private readonly HashSet<string> _declared = [];
    private IChannel? _writer;

    private readonly TaskCompletionSource<BrokerFault> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private BrokerConnection(IConnection connection, BrokerOptions options, TimeProvider time)
    {
        (_connection, _options, _time) = (connection, options, time);
        connection.ConnectionShutdownAsync += (_, reason) =>
        {
            _ended.TrySetResult(BrokerFault.Of(reason, options));
            return Task.CompletedTask;
        };
        if (connection.CloseReason is { } already)
        {
            _ended.TrySetResult(BrokerFault.Of(already, options));
        }
    }

    /// <summary>Completed once it has ended, with the reason.</summary>
    public Task<BrokerFault> Ended => _ended.Task;

    /// <summary>Connects. Throws a <see cref="BrokerException"/>.</summary>
    public static async Task<BrokerConnection> OpenAsync(BrokerOptions options, string clientName, TimeProvider time, CancellationToken ct)
    {
        try
        {
            return new BrokerConnection(await options.Factory(clientName).CreateConnectionAsync(ct), options, time);
        }
        catch (Exception fault) when (!ct.IsCancellationRequested)
        {
            throw new BrokerException(BrokerFault.Of(fault, options));
        }
    }

    /// <summary>Opens a channel to a queue, which is made if it is not there.</summary>
    public Task<QueueChannel> OpenAsync(QueueSpec queue, int prefetch, CancellationToken ct) => WordedAsync(async () =>
    {
        await DeclareAsync(queue, ct);
        var channel = await _connection.CreateChannelAsync(cancellationToken: ct);
        await channel.BasicQosAsync(0, (ushort)prefetch, global: false, ct);
        return new QueueChannel(queue, channel, this, _options);
    });

    /// <summary>Makes a queue if it is not there; one that is there is taken as it is, whatever it is like.</summary>
    public Task DeclareAsync(QueueSpec queue, CancellationToken ct) => WordedAsync(async () =>
    {
        // The broker closes a channel over which it was asked for a queue that is not there.
        await using var asking = await _connection.CreateChannelAsync(cancellationToken: ct);
        try
        {
            return await asking.QueueDeclarePassiveAsync(queue.Name, ct);
        }
        catch (OperationInterruptedException fault) when (fault.ShutdownReason?.ReplyCode == Constants.NotFound)
        {
            await using var making = await _connection.CreateChannelAsync(cancellationToken: ct);
            return await making.QueueDeclareAsync(queue.Name, queue.Durable, queue.Exclusive, queue.AutoDelete, cancellationToken: ct);
        }
    });

    /// <summary>
    /// Whether a message could be written: properties and headers have to fit into one frame (131,072 bytes unless the broker is told otherwise), and the
    /// broker ends a connection over which a larger one comes.
    /// </summary>
    public bool Fits(QueueMessage message, IReadOnlyDictionary<string, object?> headers) =>
        _connection.FrameMax == 0 || FrameBytes + ((IAmqpWriteable)Properties(message.Properties, headers)).GetRequiredBufferSize() <= _connection.FrameMax;

    /// <summary>Writes a message to a queue, which is made if it is not there. Returns once the broker has it; throws if it is not known to.</summary>
    /// <param name="queue">The queue.</param>
    /// <param name="message">What is written: body and properties, as far as those mean the same for another message.</param>
    /// <param name="headers">Its headers.</param>
    /// <param name="ct">Gives it up.</param>
    public async Task WriteAsync(string queue, QueueMessage message, IReadOnlyDictionary<string, object?> headers, CancellationToken ct)
    {
        using var limit = new TimeLimit(WritingTime, _time, ct);
        await _writing.WaitAsync(limit.Token);
        try
        {
            if (_declared.Add(queue))
            {
                await DeclareAsync(new QueueSpec(queue), limit.Token);
            }

            if (_writer is not { IsOpen: true })
            {
                _writer = await _connection.CreateChannelAsync(new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), limit.Token);
            }

            await _writer.BasicPublishAsync("", queue, mandatory: true, Properties(message.Properties, headers), message.Body, limit.Token);
        }
        catch
        {
            _declared.Remove(queue);
            throw;
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>Closes it: what is not settled goes back to its queues.</summary>
    public async ValueTask DisposeAsync()
    {
        await CloseAsync().WaitAsync(ClosingTime * 2, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _writing.Dispose();
    }

    private async Task CloseAsync()
    {
        try
        {
            await _connection.CloseAsync(ClosingTime);
        }
        catch (Exception fault) when (fault is AlreadyClosedException or OperationInterruptedException or IOException or TimeoutException or OperationCanceledException)
        {
            // It has ended by itself.
        }

        await _connection.DisposeAsync();
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

    private async Task<T> WordedAsync<T>(Func<Task<T>> ask)
    {
        try
        {
            return await ask();
        }
        catch (Exception fault) when (fault is OperationInterruptedException or IOException or TimeoutException)
        {
            throw new BrokerException(BrokerFault.Of(fault, _options));
        }
    }
}
