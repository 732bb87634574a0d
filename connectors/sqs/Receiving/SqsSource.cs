using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Connectors.Sdk.Events;
using Connectors.Sdk.Topics;
using Connectors.Sqs.Settling;

namespace Connectors.Sqs.Receiving;

/// <summary>All queues as one source of events.</summary>
internal sealed class SqsSource(SqsOptions options, IReadOnlyList<QueueWatch> watches, IReadOnlyList<Settler> settlers, LatestTopicMap topics, TimeProvider time)
    : IEventSource, IAsyncDisposable
{
    // The container knows the source under two names, and disposes of it twice.
    private Task? _disposal;

    /// <inheritdoc/>
    public async IAsyncEnumerable<Received> ReadAsync(Slots slots, [EnumeratorCancellation] CancellationToken stoppingToken)
    {
        var demand = new Demand(slots, time);
        var arrivals = Channel.CreateUnbounded<Arrival>();
        var readers = Task.WhenAll(settlers.Zip(watches, (settler, watch) =>
            new QueueReader(settler, watch, demand, options, time).RunAsync(arrivals.Writer, stoppingToken)));
        try
        {
            while (true)
            {
                yield return Read(await arrivals.Reader.ReadAsync(stoppingToken));

                // The pump is back: what it got has its slot by now, and is no longer to be counted beside the slots.
                demand.Return(1);
            }
        }
        finally
        {
            await readers;
            while (arrivals.Reader.TryRead(out var left))
            {
                left.Settler.GiveBack(left.Lease, TimeSpan.Zero);
            }
        }
    }

    /// <summary>Everything is settled: sends what the settlers still gather.</summary>
    public ValueTask DisposeAsync() => new(_disposal ??= Task.WhenAll(settlers.Select(s => s.DisposeAsync().AsTask())));

    private SqsMessage Read(Arrival arrival)
    {
        var (settler, lease) = arrival;
        var queue = settler.Queue.Address;
        return new SqsMessage(MessageEvent.Of(lease.Message, queue), lease, settler, topics)
        {
            OrderKey = queue.IsFifo && lease.Message.Group is { } group ? $"{queue.Url} {group}" : null,

            // In order is worth more than once: whoever has the message now must not run it, and its successors, beside us.
            Withdrawn = queue.IsFifo ? lease.Lost : CancellationToken.None,
        };
    }
}
