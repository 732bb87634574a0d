using System.Runtime.CompilerServices;
using Connectors.RabbitMq.Broker;
using Connectors.RabbitMq.Settling;
using Connectors.Sdk.Events;
using Microsoft.Extensions.Logging;

namespace Connectors.RabbitMq.Consuming;

/// <summary>All queues as one source of events. Each reading has a connection of its own; when that ends, reading fails, and is begun anew with another.</summary>
internal sealed class RabbitMqSource(RabbitMqOptions options, IReadOnlyList<QueueConsumer> consumers, TimeProvider time, ILogger<RabbitMqSource> log)
    : IEventSource, IAsyncDisposable
{
    private BrokerConnection? _connection;

    /// <inheritdoc/>
    public async IAsyncEnumerable<Received> ReadAsync(Slots slots, [EnumeratorCancellation] CancellationToken stoppingToken)
    {
        await DisposeAsync();
        var connection = _connection = await ConnectAsync(stoppingToken);
        var waiting = new Waiting(time);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        var consuming = Task.WhenAll([EndAsync(connection, waiting, ending), .. consumers.Select(c => c.RunAsync(connection, waiting, ending.Token))]);
        try
        {
            while (true)
            {
                // What came by a channel that has ended comes again by another.
                if (await waiting.NextAsync(stoppingToken) is { Channel.IsOpen: true } message)
                {
                    yield return message;
                }
            }
        }
        finally
        {
            await ending.CancelAsync();
            await consuming;
        }
    }

    /// <summary>Everything is settled: what is left goes back to its queues.</summary>
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
        try
        {
            var connection = await BrokerConnection.OpenAsync(options.Broker, $"{options.Service.Name} {Environment.MachineName}", time, ct);
            Metrics.Connected(true);
            Log.Connected(log, options.Broker.Address);
            return connection;
        }
        catch (BrokerException fault)
        {
            Metrics.Failed("", fault.Kind);
            throw;
        }
    }

    private static async Task EndAsync(BrokerConnection connection, Waiting waiting, CancellationTokenSource ending)
    {
        Task ended = connection.Ended;
        await ended.WaitAsync(ending.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Metrics.Connected(false);
        if (connection.Ended.IsCompleted)
        {
            var fault = await connection.Ended;
            Metrics.Failed("", fault.Kind);
            waiting.End(new BrokerException(fault));
            await ending.CancelAsync();
        }
    }
}
