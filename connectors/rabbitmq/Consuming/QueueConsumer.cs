using Connectors.RabbitMq.Broker;
using Connectors.RabbitMq.Settling;
using Connectors.Sdk.Events;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Microsoft.Extensions.Logging;

namespace Connectors.RabbitMq.Consuming;

/// <summary>
/// Consumes one queue over a connection of its own: what the broker has against it ends a channel, what the client cannot read of its messages ends the
/// connection, and either leaves the other queues alone.
/// </summary>
internal sealed class QueueConsumer(
    QueueSpec queue, RabbitMqOptions options, BrokerDialer dialer, Settler settler, QueueWatch watch, TimeProvider time, Random random, ILogger log) : IAsyncDisposable
{
    private static readonly TimeSpan MinDelay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MaxDelay = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(10);

    // A broker that is silent answers no goodbye.
    private static readonly TimeSpan StopTime = TimeSpan.FromSeconds(3);

    private BrokerConnection? _connection;

    // A message ended the connection, and all that was here with it, and may do so again: as long as it may, no other is here at the same time.
    private bool _comesSingly;

    // Whether the queue was made here, as its first look showed; null before that. One that was found has an owner, who alone makes it again.
    private bool? _isOurs;

    // A gateway that lists its functions seldom is not away for it.
    private TimeSpan Patience => options.Patience + (2 * options.Connector.RebuildInterval);

    // What goes by itself, with its consumer, connection or broker, is made by whoever comes first.
    private bool MayMake => options.DeclareQueues && (_isOurs != false || queue is { Durable: false } or { AutoDelete: true } or { Exclusive: true });

    /// <summary>Consumes while the queue is wanted, again and again, until it is to stop, which does not throw.</summary>
    /// <param name="waiting">Where the messages go.</param>
    /// <param name="ct">Take no more. What came can be settled until this is disposed of.</param>
    public async Task RunAsync(Waiting waiting, CancellationToken ct)
    {
        for (var failures = 1; ; failures++)
        {
            var begun = time.GetTimestamp();
            var fault = await ConsumeAsync(waiting, ct);
            if (ct.IsCancellationRequested)
            {
                watch.Stopped();
                return;
            }

            // Whether messages came in between says nothing: one that ends the connection comes first each time.
            failures = fault is null || time.GetElapsedTime(begun) > MaxDelay ? 1 : failures;
            _comesSingly |= fault?.Kind == "unreadable";
            if (fault is not null)
            {
                var delay = BackOff.Delay(BackOffKind.Equal, failures, MinDelay, MaxDelay, random);
                watch.Failed(fault, delay);
                await Task.Delay(delay, time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>Everything is settled: what is left goes back to the queue.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_connection is { } connection)
        {
            _connection = null;
            await connection.DisposeAsync();
        }
    }

    private async Task<BrokerConnection> ConnectAsync(CancellationToken ct)
    {
        if (_connection is { Ended.IsCompleted: false } open)
        {
            return open;
        }

        await DisposeAsync();
        var connection = _connection = await dialer.OpenAsync(queue.Name, ct);
        _ = CountAsync(connection);
        Log.Connected(log, queue.Name, options.Broker.Address);
        return connection;
    }

    private static async Task CountAsync(BrokerConnection connection)
    {
        Metrics.Connected(+1);
        await connection.Ended;
        Metrics.Connected(-1);
    }

    // From the first wish to the last. Does not throw: the fault is its result, null for none.
    private async Task<BrokerFault?> ConsumeAsync(Waiting waiting, CancellationToken ct)
    {
        try
        {
            await watch.Outage.OverAsync(Patience, ct);
            await watch.WantedAsync(ct);
            var connection = await ConnectAsync(ct);
            var isMade = await connection.DeclareAsync(queue, MayMake, ct);
            _isOurs ??= isMade;
            var channel = await connection.OpenAsync(queue, _comesSingly ? 1 : options.Prefetch, ct);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(ct);
            var unwanted = watch.UnwantedAsync(either.Token);
            var passed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            try
            {
                var left = options.Prefetch;
                await channel.ConsumeAsync(
                    message =>
                    {
                        Take(message, channel, waiting);
                        if (_comesSingly && IsPast(message, ref left))
                        {
                            passed.TrySetResult();
                        }
                    },
                    ct);
                watch.Consuming();
                var ended = Task.WhenAny(channel.Ended, unwanted, passed.Task);
                do
                {
                    if (await channel.LookAsync(ct) is { } seen)
                    {
                        Metrics.Seen(queue.Name, seen);
                    }
                }
                while (!watch.Outage.HasLasted(Patience) && !await Signal.CameAsync(ended, LookInterval, time, ct));
                if (channel.Ended.IsCompleted)
                {
                    return await channel.Ended;
                }

                if (watch.Outage.HasLasted(Patience))
                {
                    return BrokerFault.Away(queue.Name, Patience);
                }

                _comesSingly &= !passed.Task.IsCompleted;
                return null;
            }
            finally
            {
                // The channel stays for what came by it.
                await either.CancelAsync();
                await unwanted.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                using var limit = new TimeLimit(StopTime, time, CancellationToken.None);
                await channel.StopAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception fault)
        {
            return BrokerFault.Of(fault, options.Broker);
        }
    }

    // What a connection loses comes again before all else, and says so: whatever ended the last one is past once something came that had not come before,
    // or as much as was here with it.
    private static bool IsPast(QueueMessage message, ref int left) => !message.IsRedelivered || --left <= 0;

    private void Take(QueueMessage message, QueueChannel channel, Waiting waiting)
    {
        var received = new RabbitMqMessage(Read(message), message, channel, waiting, watch.Outage, time.GetTimestamp(), settler);
        settler.Hold(received);
        if (!waiting.TryAdd(received, TimeSpan.Zero))
        {
            // It was on its way when the process stopped.
            _ = settler.GiveBackAsync(received, CancellationToken.None);
        }
    }

    private Event Read(QueueMessage message)
    {
        try
        {
            return MessageEvent.Of(message, queue.Name);
        }
        catch (Exception fault)
        {
            Log.Unreadable(log, queue.Name, message.Properties.MessageId, fault);
            return MessageEvent.Bare(message, queue.Name);
        }
    }
}
