using Connectors.Sdk.Hosting;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace Connectors.RabbitMq.Broker;

/// <summary>One connection, from its opening to its end; nothing makes it again.</summary>
internal sealed class BrokerConnection : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan ClosingTime = TimeSpan.FromSeconds(3);

    private readonly IConnection _connection;
    private readonly BrokerOptions _options;
    private readonly TimeProvider _time;

    private readonly TaskCompletionSource<BrokerFault> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile TaskCompletionSource _taking = new();

    private BrokerConnection(IConnection connection, BrokerOptions options, TimeProvider time)
    {
        (_connection, _options, _time) = (connection, options, time);
        connection.ConnectionShutdownAsync += (_, reason) =>
        {
            _ended.TrySetResult(BrokerFault.Of(reason, options));
            return Task.CompletedTask;
        };
        _taking.SetResult();
        connection.ConnectionBlockedAsync += (_, _) =>
        {
            _taking = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return Task.CompletedTask;
        };
        connection.ConnectionUnblockedAsync += (_, _) =>
        {
            _taking.TrySetResult();
            return Task.CompletedTask;
        };
        if (connection.CloseReason is { } already)
        {
            _ended.TrySetResult(BrokerFault.Of(already, options));
        }
    }

    /// <summary>Completed once it has ended, with the reason.</summary>
    public Task<BrokerFault> Ended => _ended.Task;

    /// <summary>Completed while the broker takes what is written: it does not while it lacks memory or disk.</summary>
    public Task Taking => _taking.Task;

    /// <summary>How large a frame may be; 0 for any size.</summary>
    public uint FrameMax => _connection.FrameMax;

    /// <summary>Connects, within 20 seconds. Throws a <see cref="BrokerException"/>.</summary>
    public static async Task<BrokerConnection> OpenAsync(BrokerOptions options, string clientName, TimeProvider time, CancellationToken ct)
    {
        // The client limits the steps of the way by themselves, but not the one to TLS.
        using var limit = new TimeLimit(Patience, time, ct);
        try
        {
            return new BrokerConnection(await options.Factory(clientName).CreateConnectionAsync(limit.Token), options, time);
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

    /// <summary>Opens a channel to write by. A connection that is written to is for nothing else: see <see cref="BrokerWriter"/>.</summary>
    public Task<WritingChannel> OpenWriterAsync(CancellationToken ct) => WordedAsync(async () =>
    {
        // Each confirmation has its time limit: the client is not to let one wait for the others.
        var confirmed = new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true, outstandingPublisherConfirmationsRateLimiter: null);
        return new WritingChannel(this, await _connection.CreateChannelAsync(confirmed, ct), _time);
    });

    /// <summary>Closes it: what is not settled goes back to its queues.</summary>
    public async ValueTask DisposeAsync() => await CloseAsync().WaitAsync(ClosingTime * 2, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

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
