using System.Runtime.CompilerServices;
using Connectors.RabbitMq.Settling;
using Connectors.Sdk.Events;

namespace Connectors.RabbitMq.Consuming;

/// <summary>All queues as one source of events. Each sees to its own connection: reading itself never fails.</summary>
internal sealed class RabbitMqSource(IReadOnlyList<QueueConsumer> consumers, Settler settler, TimeProvider time) : IEventSource, IAsyncDisposable
{
    // A broker that is silent takes nothing back; it has all again when its connections end.
    private static readonly TimeSpan GivingBackTime = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(2);

    /// <inheritdoc/>
    public async IAsyncEnumerable<Received> ReadAsync(Slots slots, [EnumeratorCancellation] CancellationToken stoppingToken)
    {
        var waiting = new Waiting(time);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        var consuming = Task.WhenAll(consumers.Select(c => c.RunAsync(waiting, ending.Token)).Append(EndOldAsync(waiting, ending.Token)));
        try
        {
            while (true)
            {
                // What came by a channel that has ended comes again by another.
                if (await waiting.NextAsync(stoppingToken) is { Channel.IsOpen: true } message)
                {
                    message.RunAt = time.GetTimestamp();
                    message.BegunAt ??= message.RunAt;
                    yield return message;
                }
            }
        }
        finally
        {
            await ending.CancelAsync();
            await consuming;

            // Not before: it would come again at once. And not later: what runs may take hours to end, and others could have the rest meanwhile.
            await Task.WhenAll(waiting.Close().Where(m => m.Channel.IsOpen).Select(m => settler.GiveBackAsync(m, CancellationToken.None)))
                .WaitAsync(GivingBackTime, time, CancellationToken.None)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Everything is settled: what is left goes back to its queues.</summary>
    public async ValueTask DisposeAsync() => await Task.WhenAll(consumers.Select(c => c.DisposeAsync().AsTask()));

    // While every slot is taken nobody asks for what waits.
    private async Task EndOldAsync(Waiting waiting, CancellationToken ct)
    {
        List<Task> ends = [];
        while (!ct.IsCancellationRequested)
        {
            ends.RemoveAll(end => end.IsCompleted);
            waiting.ForgetLost();
            ends.AddRange(settler.EndOld(waiting));
            await Task.Delay(LookInterval, time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await Task.WhenAll(ends).WaitAsync(GivingBackTime, time, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
