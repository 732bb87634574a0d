using Connectors.Sdk.Hosting;
using Microsoft.Extensions.Logging;

namespace Connectors.Sdk.Events;

/// <summary>Draws events while there are slots and runs them; on stop takes no more, but brings what runs to its end within the grace period.</summary>
internal sealed class EventPump(EventReader reader, EventRunner runner, Slots slots, ServiceOptions service, ILogger<EventPump> log) : IDuty
{
    private readonly Lanes _lanes = new();

    /// <inheritdoc/>
    public async Task RunAsync(CancellationToken stoppingToken)
    {
        using var drain = new Drain(service.GracePeriod, stoppingToken);
        await using var said = stoppingToken.Register(() => Log.Draining(log, slots.Total - slots.Free));
        try
        {
            await DrawAsync(drain);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // What was drawn goes on.
        }
        finally
        {
            await slots.WhenFreeAsync(slots.Total, CancellationToken.None);
        }
    }

    // A source may have something left when the process stops, such as the answer to a request that was under way: what it yields is run while there
    // are slots.
    private async Task DrawAsync(Drain drain)
    {
        await using var events = reader.ReadAsync(slots, drain.Stopping).GetAsyncEnumerator(drain.Stopping);
        while (true)
        {
            await slots.WhenFreeAsync(drain.Stopping);
            await events.MoveNextAsync();
            var received = events.Current;
            slots.Take();
            Metrics.Running(+1);
            _lanes.Start(received.OrderKey, () => RunOneAsync(received, drain));
        }
    }

    private async Task RunOneAsync(Received received, Drain drain)
    {
        try
        {
            await runner.RunAsync(received, drain);
        }
        finally
        {
            Metrics.Running(-1);
            slots.Release();
        }
    }
}
