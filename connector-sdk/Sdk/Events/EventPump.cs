using Connectors.Sdk.Hosting;
using Microsoft.Extensions.Logging;

namespace Connectors.Sdk.Events;

/// <summary>Draws events while there are slots and runs them; on stop takes no more, but brings what runs to its end within the grace period.</summary>
internal sealed class EventPump(EventReader reader, EventRunner runner, Slots slots, ServiceOptions service, ILogger<EventPump> log) : IDuty
{
    // Guards the lanes: events enter from the loop, and leave from the runs.
    private readonly Lock _gate = new();
    private readonly Lanes<Received> _lanes = new();

    /// <inheritdoc/>
    public async Task RunAsync(CancellationToken stoppingToken)
    {
        using var drain = new Drain(service.GracePeriod, stoppingToken);
        await using var said = drain.Stopping.Register(() => Log.Draining(log, slots.Total - slots.Free));
        try
        {
            await DrawAsync(drain);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // What was drawn goes on.
        }
        catch
        {
            // Nothing more will be drawn, and the process may be about to end: what was drawn has its time as at any other stop.
            drain.Begin();
            throw;
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
            Start(received, drain);
        }
    }

    private void Start(Received received, Drain drain)
    {
        lock (_gate)
        {
            if (!_lanes.Enter(received.OrderKey, received))
            {
                return;
            }
        }

        _ = RunLaneAsync(received, drain);
    }

    // An event, and then those that waited behind it in its order.
    private async Task RunLaneAsync(Received received, Drain drain)
    {
        for (var next = received; next is not null; next = Leave(next))
        {
            await RunOneAsync(next, drain);
        }
    }

    private Received? Leave(Received received)
    {
        lock (_gate)
        {
            return _lanes.Leave(received.OrderKey, out var next) ? next : null;
        }
    }

    // Whatever it meets, its slot comes free and its lane goes on.
    private async Task RunOneAsync(Received received, Drain drain)
    {
        await runner.RunAsync(received, drain).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Metrics.Running(-1);
        slots.Release();
    }
}
