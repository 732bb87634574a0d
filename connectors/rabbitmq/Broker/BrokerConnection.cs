using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Connectors.RabbitMq.Broker;

/// <summary>One connection, from its opening to its end; nothing makes it again.</summary>
internal sealed class BrokerConnection : IAsyncDisposable
{
    private static readonly TimeSpan ClosingTime = TimeSpan.FromSeconds(6);

    private readonly IConnection _connection;
    private readonly Socket _socket;
    private readonly BrokerOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;

    private readonly TaskCompletionSource<BrokerFault> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile TaskCompletionSource _taking = new();

    /// <summary>Takes over a connection that is open.</summary>
    /// <param name="connection">As the client knows it.</param>
    /// <param name="socket">What it goes over.</param>
    /// <param name="options">How it was opened.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">Where it is told that a queue was made.</param>
    public BrokerConnection(IConnection connection, Socket socket, BrokerOptions options, TimeProvider time, ILogger log)
    {
        (_connection, _socket, _options, _time, _log) = (connection, socket, options, time, log);
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

    /// <summary>Opens a channel to a queue, which has to be there.</summary>
    public Task<QueueChannel> OpenAsync(QueueSpec queue, int prefetch, CancellationToken ct) => AnswerAsync(
        $"channel.open for {queue.Name}",
        async () =>
        {
            var channel = await _connection.CreateChannelAsync(cancellationToken: ct);
            await channel.BasicQosAsync(0, (ushort)prefetch, global: false, ct);
            return new QueueChannel(queue, channel, this, _options);
        },
        ct);

    /// <summary>
    /// Looks whether a queue is there, and takes it as it is, whatever it is like. One that is not is made, or else is <c>missing</c>. True if it was made.
    /// </summary>
    public Task<bool> DeclareAsync(QueueSpec queue, bool mayMake, CancellationToken ct) => AnswerAsync(
        $"queue.declare of {queue.Name}",
        async () =>
        {
            // The broker closes a channel over which it was asked for a queue that is not there.
            await using var asking = await _connection.CreateChannelAsync(cancellationToken: ct);
            try
            {
                await asking.QueueDeclarePassiveAsync(queue.Name, ct);
                return false;
            }
            catch (OperationInterruptedException fault) when (fault.ShutdownReason?.ReplyCode == Constants.NotFound)
            {
                if (!mayMake)
                {
                    throw new BrokerException(BrokerFault.Missing(fault.ShutdownReason.ReplyText));
                }

                await using var making = await _connection.CreateChannelAsync(cancellationToken: ct);
                await making.QueueDeclareAsync(queue.Name, queue.Durable, queue.Exclusive, queue.AutoDelete, cancellationToken: ct);
                Log.QueueMade(_log, queue.Name);
                return true;
            }
        },
        ct);

    /// <summary>Opens a channel to write by. A connection that is written to is for nothing else: see <see cref="BrokerWriter"/>.</summary>
    public Task<WritingChannel> OpenWriterAsync(CancellationToken ct) => AnswerAsync(
        "channel.open for dead letters",
        async () =>
        {
            // Each confirmation has its time limit: the client is not to let one wait for the others.
            var confirmed = new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true, outstandingPublisherConfirmationsRateLimiter: null);
            return new WritingChannel(this, await _connection.CreateChannelAsync(confirmed, ct), _time);
        },
        ct);

    /// <summary>
    /// Waits for the broker's answer to what is asked over it. Throws a <see cref="BrokerException"/> if it is a refusal, is late, or cannot come any more.
    /// </summary>
    /// <param name="request">What is asked, in AMQP's words.</param>
    /// <param name="ask">Asks.</param>
    /// <param name="ct">Ends the wait. The client by itself heeds it until the request has left, and then waits for the answer.</param>
    public async Task<T> AnswerAsync<T>(string request, Func<Task<T>> ask, CancellationToken ct)
    {
        try
        {
            // What is asked over a connection that ends meanwhile may never be answered, nor even leave.
            var asked = ask();
            if (!asked.IsCompleted && await Task.WhenAny(asked, Ended).WaitAsync(ct) != asked)
            {
                throw new BrokerException(await Ended);
            }

            return await asked;
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            // Of an answer that is late the client says no more than this.
            throw new BrokerException(BrokerFault.Late(request, _options));
        }
        catch (Exception fault) when (fault is OperationInterruptedException or IOException or TimeoutException)
        {
            throw new BrokerException(BrokerFault.Of(fault, _options));
        }
    }

    /// <summary>Closes it: what is not settled goes back to its queues.</summary>
    public async ValueTask DisposeAsync()
    {
        await CloseAsync().WaitAsync(ClosingTime, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        // The client waits half a minute for the goodbye of a broker that is silent, and then leaves it open.
        _socket.Dispose();
    }

    private async Task CloseAsync()
    {
        try
        {
            await _connection.CloseAsync();
        }
        catch (Exception fault) when (fault is AlreadyClosedException or OperationInterruptedException or IOException or TimeoutException or OperationCanceledException)
        {
            // It has ended by itself.
        }

        await _connection.DisposeAsync();
    }
}
