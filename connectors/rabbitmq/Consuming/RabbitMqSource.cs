using System.Runtime.CompilerServices;
using Connectors.RabbitMq.Settling;
using Connectors.Sdk.Events;

namespace Connectors.RabbitMq.Consuming;

/// <summary>All queues as one source of events. Each sees to its own connection: reading itself never fails.</summary>
internal sealed class RabbitMqSource(IReadOnlyList<QueueConsumer> consumers, TimeProvider time) : IEventSource, IAsyncDisposable
{
    /// <inheritdoc/>
    public async IAsyncEnumerable<Received> ReadAsync(Slots slots, [EnumeratorCancellation] CancellationToken stoppingToken)
    {
        var waiting = new Waiting(time);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        var consuming = Task.WhenAll(consumers.Select(c => c.RunAsync(waiting, ending.Token)));
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
    public async ValueTask DisposeAsync() => await Task.WhenAll(consumers.Select(c => c.DisposeAsync().AsTask()));
}
