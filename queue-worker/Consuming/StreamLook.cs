using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.JetStream.Models;

namespace Connectors.QueueWorker.Consuming;

/// <summary>
/// Looks at what lies in the queue's streams: those who pull are told of it, whatever they have missed, the gauges show it, and breakers of functions that have
/// no call left are closed.
/// </summary>
internal sealed class StreamLook(
    QueueWorkerOptions options, NatsLink link, Pulls pulls, QueueGauges gauges, UnusedBreakers breakers, TimeProvider time, ILogger<StreamLook> log)
{
    private static readonly TimeSpan CallsTimeout = TimeSpan.FromSeconds(10);

    // Of an answer with many subjects, which nothing else waits for.
    private static readonly TimeSpan PageTimeout = TimeSpan.FromMinutes(1);

    // How often all that lies aside is counted, where one answer does not tell of all.
    private static readonly TimeSpan CountInterval = TimeSpan.FromMinutes(1);

    private Task _aside = Task.CompletedTask;

    // When all that lies aside was counted last, as a timestamp.
    private long? _counted;

    /// <summary>Looks at the calls that wait or run.</summary>
    public async Task AtCallsAsync(CancellationToken stopping)
    {
        using var limit = new TimeLimit(CallsTimeout, time, stopping);
        var calls = await link.WithSubjectsAsync(StreamNames.Calls(options.Queue), ">", limit.Token);
        gauges.Show(calls);
        pulls.Resync(calls);
    }

    /// <summary>The stream of callbacks was looked at already: its subjects tell nothing more.</summary>
    public void AtCallbacks(StreamInfo callbacks) => gauges.ShowCallbacks(callbacks);

    /// <summary>
    /// Begins to look at what lies aside, unless it is being looked at. What lies there for many times has as many subjects, which the server collects and sorts
    /// anew for each answer: so nothing waits for this look but the next one.
    /// </summary>
    public void AtAside(CancellationToken stopping)
    {
        if (_aside.IsCompleted)
        {
            _aside = AtAsideAsync(stopping);
        }
    }

    // It reads no further than to what is due soon, but for now and then, when all are counted. Those that are due soonest are told of first, and those that are
    // held last: these are asked for by themselves.
    private async Task AtAsideAsync(CancellationToken stopping)
    {
        var readsAll = _counted is not { } last || time.GetElapsedTime(last) >= CountInterval;
        _counted = readsAll ? time.GetTimestamp() : _counted;
        var horizon = readsAll ? DateTimeOffset.MaxValue : time.GetUtcNow() + AsideSchedule.Horizon;
        await TryAsync(() => AtHeldAsync(stopping), stopping);
        await TryAsync(() => AtDueAsync(horizon, stopping), stopping);
    }

    private async Task AtHeldAsync(CancellationToken stopping)
    {
        var held = await PageAsync(AsideGroup.HeldSubjects(options.Queue), 0, stopping);
        using var limit = new TimeLimit(PageTimeout, time, stopping);
        await breakers.CloseAsync(held.State.Subjects?.Keys ?? [], limit.Token);
    }

    private async Task AtDueAsync(DateTimeOffset horizon, CancellationToken stopping)
    {
        var counts = new AsideCounts();
        while (!counts.IsWhole && !(counts.LastDue > horizon))
        {
            counts.Add(await PageAsync(">", counts.Offset, stopping));
        }

        if (counts.IsWhole && !stopping.IsCancellationRequested)
        {
            gauges.ShowAside(counts);
        }
    }

    private async Task<StreamInfo> PageAsync(string filter, int offset, CancellationToken stopping)
    {
        using var limit = new TimeLimit(PageTimeout, time, stopping);
        var page = await link.PageOfSubjectsAsync(StreamNames.Aside(options.Queue), filter, offset, limit.Token);
        pulls.ResyncAside(page);
        return page;
    }

    private async Task TryAsync(Func<Task> look, CancellationToken stopping)
    {
        try
        {
            await look();
        }
        catch (Exception fault)
        {
            if (!stopping.IsCancellationRequested)
            {
                Log.AsideNotCounted(log, StreamNames.Aside(options.Queue), fault is OperationCanceledException ? "no answer in time" : fault.Message);
            }
        }
    }
}
