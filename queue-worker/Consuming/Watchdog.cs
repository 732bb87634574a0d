using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.QueueWorker.Consuming;

/// <summary>
/// Checks streams and consumers every few seconds, and at once when a pull found one gone. What another client deleted is created again.
/// </summary>
internal sealed class Watchdog(
    QueueWorkerOptions options, NatsLink link, StreamSetup setup, ModeClaim mode, Pulls pulls, QueueGauges gauges, Recheck recheck, Readiness readiness, TimeProvider time, ILogger<Watchdog> log)
{
    private const string Condition = "streams";
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan AfterFault = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan CheckTimeout = TimeSpan.FromSeconds(10);

    // Of an answer with many subjects, which nothing else waits for.
    private static readonly TimeSpan PageTimeout = TimeSpan.FromMinutes(1);

    // How often all that lies aside is counted, where one answer does not tell of all.
    private static readonly TimeSpan CountInterval = TimeSpan.FromMinutes(1);

    private bool _isFirst = true;
    private Task _lookAside = Task.CompletedTask;

    // When all that lies aside was counted last, as a timestamp.
    private long? _counted;

    /// <summary>Says that the worker is not ready before everything exists.</summary>
    public void Announce() => readiness.Announce(Condition);

    /// <summary>Waits for the broker until everything exists.</summary>
    public async Task StartAsync(CancellationToken stopping)
    {
        while (!await CheckAsync(stopping))
        {
            await Task.Delay(AfterFault, time, stopping);
        }
    }

    public async Task RunAsync(CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            await recheck.WaitAsync(Interval, stopping);
            if (!await CheckAsync(stopping))
            {
                await Task.Delay(AfterFault, time, stopping);
            }
        }
    }

    // Each stream by itself: one that has no leader keeps nobody from what lies in the others.
    private async Task<bool> CheckAsync(CancellationToken stopping)
    {
        var isWhole = true;
        foreach (var shape in StreamShape.All(options.Queue, options.Limits))
        {
            try
            {
                await CheckAsync(shape, stopping);
            }
            catch (Exception fault) when (fault is not ConfigurationException && !stopping.IsCancellationRequested)
            {
                if (isWhole)
                {
                    Tell(shape, fault);
                }

                isWhole = false;
            }
        }

        if (isWhole)
        {
            _isFirst = false;
            readiness.Met(Condition);
        }

        return isWhole;
    }

    // Consumers of calls are bound at once after the mode was read, and before another stream is waited for.
    private async Task CheckAsync(StreamShape shape, CancellationToken stopping)
    {
        var asked = time.GetTimestamp();
        var isCalls = shape.Name == StreamNames.Calls(options.Queue);
        var stream = await EnsureAsync(isCalls ? mode.InOurMode(shape) : shape, stopping);
        pulls.Saw(stream, asked);
        if (isCalls)
        {
            await mode.KeepAsync(stream, stopping);
            foreach (var consumer in mode.IsOurs ? pulls.LastingCallConsumers : [])
            {
                await BindAsync(consumer, stopping);
            }

            await LookAsync(stopping);
        }
        else if (shape.Name == StreamNames.Callbacks(options.Queue))
        {
            gauges.ShowCallbacks(stream);
            await BindAsync(pulls.CallbackConsumer, stopping);
        }
        else if (shape.Name == StreamNames.Aside(options.Queue) && _lookAside.IsCompleted)
        {
            _lookAside = LookAsideAsync(stopping);
        }
    }

    // Of several, the first.
    private void Tell(StreamShape shape, Exception fault)
    {
        var reason = $"{shape.Name}: {(fault is OperationCanceledException ? "no answer in time" : fault.Message)}";
        readiness.Lost(Condition, reason);
        Log.BrokerSilent(log, options.Nats.Url, reason);
    }

    // Each step has its own limit: a claim of the other mode waits as long as it must, which is no silence of the broker.
    private async Task<StreamInfo> EnsureAsync(StreamShape shape, CancellationToken stopping)
    {
        using var limit = new TimeLimit(CheckTimeout, time, stopping);
        return await setup.EnsureAsync(shape, _isFirst, limit.Token);
    }

    private async Task LookAsync(CancellationToken stopping)
    {
        using var limit = new TimeLimit(CheckTimeout, time, stopping);
        var calls = await link.WithSubjectsAsync(StreamNames.Calls(options.Queue), ">", limit.Token);
        gauges.Show(calls);
        pulls.Resync(calls);
    }

    // What lies aside for many times has as many subjects, which the server collects and sorts anew for each answer. So nothing waits for this look but the
    // next one, and it reads no further than to what is due soon, but for now and then, when all are counted. Those that are due soonest are told of first, and
    // those that are held last: these are asked for by themselves.
    private async Task LookAsideAsync(CancellationToken stopping)
    {
        var readsAll = _counted is not { } last || time.GetElapsedTime(last) >= CountInterval;
        _counted = readsAll ? time.GetTimestamp() : _counted;
        var horizon = time.GetUtcNow() + AsideSchedule.Horizon;
        var counts = new AsideCounts();
        await TryAsync(async () =>
        {
            var held = await PageAsync(AsideGroup.HeldSubjects(options.Queue), 0);
            using var limit = new TimeLimit(PageTimeout, time, stopping);
            await pulls.UnusedBreakers.CloseAsync(held.State.Subjects?.Keys ?? [], limit.Token);
        });
        await TryAsync(async () =>
        {
            while (!counts.IsWhole && (readsAll || !(counts.LastDue > horizon)))
            {
                counts.Add(await PageAsync(">", counts.Offset));
            }

            if (counts.IsWhole && !stopping.IsCancellationRequested)
            {
                gauges.ShowAside(counts);
            }
        });

        async Task TryAsync(Func<Task> look)
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

        async Task<StreamInfo> PageAsync(string filter, int offset)
        {
            using var limit = new TimeLimit(PageTimeout, time, stopping);
            var page = await link.PageOfSubjectsAsync(StreamNames.Aside(options.Queue), filter, offset, limit.Token);
            pulls.Aside.Resync(page);
            return page;
        }
    }

    private async Task BindAsync(StreamConsumer consumer, CancellationToken stopping)
    {
        using var limit = new TimeLimit(CheckTimeout, time, stopping);
        try
        {
            await consumer.BindAsync(limit.Token);
        }
        catch (NatsJSApiException fault) when (fault.Error.ErrCode == ConsumerSetup.NotUnique)
        {
            // A consumer of the other mode, made just before its worker learned better.
            await mode.ClearAsync(limit.Token);
            await consumer.BindAsync(limit.Token);
        }
    }
}
