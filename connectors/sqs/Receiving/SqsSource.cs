using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Connectors.Sdk.Events;
using Connectors.Sqs.Settling;

namespace Connectors.Sqs.Receiving;

/// <summary>All queues as one source of events.</summary>
internal sealed class SqsSource(SqsOptions options, IReadOnlyList<QueueReader> readers, TimeProvider time) : IEventSource, IAsyncDisposable
{
    /// <inheritdoc/>
    public async IAsyncEnumerable<Received> ReadAsync(Slots slots, [EnumeratorCancellation] CancellationToken stoppingToken)
    {
        var reservations = new Reservations(slots, time);
        var arrivals = Channel.CreateUnbounded<Arrival>();
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);

        // A long poll that is cut goes on at the server, which then hides a message for nobody. So polls end by themselves, if the grace period lasts,
        // and what they bring is run like the rest.
        using var cut = new CancellationTokenSource();
        using var stopping = stoppingToken.Register(() => cut.CancelAfter(options.Service.GracePeriod));
        var reading = ReadAsync(reservations, arrivals.Writer, ending, cut.Token);
        try
        {
            while (await arrivals.Reader.WaitToReadAsync(CancellationToken.None))
            {
                while (arrivals.Reader.TryRead(out var arrival))
                {
                    if (Read(arrival) is { } received)
                    {
                        yield return received;
                    }

                    // The pump is back: what it got has its slot by now, and is no longer to be counted beside the slots.
                    reservations.Release(1);
                }
            }
        }
        finally
        {
            await ending.CancelAsync();
            await (stoppingToken.IsCancellationRequested ? Task.CompletedTask : cut.CancelAsync());
            await reading;
            while (arrivals.Reader.TryRead(out var left))
            {
                left.Settler.GiveBack(left.Lease, TimeSpan.Zero);
            }
        }
    }

    /// <summary>Everything is settled: sends what the settlers still gather.</summary>
    public async ValueTask DisposeAsync() => await Task.WhenAll(readers.Select(r => r.Settler.DisposeAsync().AsTask()));

    // Ends with all queues, and with the fault of the first that fails. Does not throw: whoever reads the arrivals is told.
    private async Task ReadAsync(Reservations reservations, ChannelWriter<Arrival> arrivals, CancellationTokenSource ending, CancellationToken cut)
    {
        try
        {
            await Task.WhenAll(readers.Select(async reader =>
            {
                try
                {
                    await reader.RunAsync(reservations, arrivals, ending.Token, cut);
                }
                catch
                {
                    await ending.CancelAsync();
                    throw;
                }
            }));
            arrivals.Complete();
        }
        catch (Exception fault)
        {
            arrivals.Complete(fault);
        }
    }

    // A message that no event can be made of must not stop the others: it is hidden for long, until its queue's redrive policy ends it.
    private static SqsMessage? Read(Arrival arrival)
    {
        var (settler, lease) = arrival;
        var queue = settler.Queue.Address;
        try
        {
            return new SqsMessage(MessageEvent.Of(lease.Message, queue), lease, settler)
            {
                Progress = settler.ProgressOf(lease),
                OrderKey = queue.IsFifo && lease.Message.Group is { } group ? $"{queue.Url} {group}" : null,

                // In order is worth more than once: whoever has the message now must not run it, and its successors, beside us.
                Withdrawn = queue.IsFifo ? lease.Lost : CancellationToken.None,
            };
        }
        catch (Exception fault)
        {
            settler.Refuse(lease, fault);
            return null;
        }
    }
}
