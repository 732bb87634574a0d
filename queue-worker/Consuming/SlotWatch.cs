using Connectors.Sdk.Hosting;

namespace Connectors.QueueWorker.Consuming;

/// <summary>Tells of slots whose work is over its limit: a gauge for each kind of work, and a worker that is not ready when all of a kind are stuck.</summary>
internal sealed class SlotWatch(QueueWorkerOptions options, WorkSlots all, Readiness readiness, TimeProvider time) : IDuty
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    public async Task RunAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            Check("calls", all.Calls);
            Check("callbacks", all.Callbacks);
            Check("calls put aside", all.Aside);
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private void Check(string work, Slots slots)
    {
        Metrics.Overdue(options.Queue, work, slots.Overdue);
        if (slots.AreStuck)
        {
            readiness.Lost($"slots of {work}", "all of them hold work that is over its limit");
        }
        else
        {
            readiness.Met($"slots of {work}");
        }
    }
}
