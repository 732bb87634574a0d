using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.JetStream.Models;

namespace Connectors.QueueWorker.Consuming;

/// <summary>
/// Keeps the slots of one stream full: takes slots, takes what waits, and only when nothing does, waits. While it waits it holds no slot, so a delivery
/// that comes when the last slot has gone is nakked at once.
/// </summary>
/// <param name="consumers">One consumer, or the one of high priority and the one of normal.</param>
/// <param name="slots">Where they run.</param>
/// <param name="max">Most messages asked for at once.</param>
/// <param name="suspicion">Raised when a consumer seems to be gone.</param>
/// <param name="time">The clock.</param>
/// <param name="log">The log.</param>
internal sealed class PullLoop(
    IReadOnlyList<StreamConsumer> consumers, Slots slots, int max, Suspicion suspicion, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan AfterFault = TimeSpan.FromMilliseconds(500);

    private readonly PullOrder _order = new();
    private readonly Task?[] _waits = new Task?[consumers.Count];

    public async Task RunAsync(CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                if (await FillAsync(stopping) == 0)
                {
                    await WaitAsync(stopping);
                }
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                break;
            }
            catch (Exception fault)
            {
                await RecoverAsync(consumers[^1], fault, stopping);
            }
        }

        // None of them throws.
        await Task.WhenAll(_waits.OfType<Task>());
    }

    private async Task<int> FillAsync(CancellationToken stopping)
    {
        var free = await slots.TakeAsync(max, stopping);
        var started = 0;
        try
        {
            if (consumers.Count > 1)
            {
                await TakeAsync(consumers[1], _order.NormalFirst(free));
            }

            foreach (var consumer in consumers)
            {
                await TakeAsync(consumer, free - started);
            }
        }
        finally
        {
            _order.Took(started);
            slots.Release(free - started);
        }

        return started;

        async Task TakeAsync(StreamConsumer consumer, int calls)
        {
            if (calls > 0)
            {
                // Not cancelled on stop: it answers at once, and what it brought is nakked in order.
                await foreach (var delivery in consumer.TakeAsync(calls, CancellationToken.None))
                {
                    started++;
                    slots.Start(delivery);
                }
            }
        }
    }

    private async Task WaitAsync(CancellationToken stopping)
    {
        for (var i = 0; i < consumers.Count; i++)
        {
            if (_waits[i] is not { IsCompleted: false })
            {
                _waits[i] = WaitAsync(consumers[i], stopping);
            }
        }

        await Task.WhenAny(_waits.OfType<Task>());
    }

    private async Task WaitAsync(StreamConsumer consumer, CancellationToken stopping)
    {
        var started = time.GetTimestamp();
        try
        {
            if (await consumer.WaitAsync(stopping) is not { } delivery)
            {
                if (time.GetElapsedTime(started) < StreamConsumer.LongestWait / 2)
                {
                    suspicion.Raise();
                    await PauseAsync(stopping);
                }
            }
            else if (!stopping.IsCancellationRequested && slots.TryTake())
            {
                slots.Start(delivery);
            }
            else
            {
                await slots.NakAsync(delivery);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The loop ends.
        }
        catch (Exception fault)
        {
            await RecoverAsync(consumer, fault, stopping);
        }
    }

    private async Task RecoverAsync(StreamConsumer consumer, Exception fault, CancellationToken stopping)
    {
        Log.PullFailed(log, consumer.Name, fault.Message);
        suspicion.Raise();
        await PauseAsync(stopping);
    }

    private async Task PauseAsync(CancellationToken stopping) =>
        await Task.Delay(AfterFault, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}

/// <summary>Static mode: one consumer for each priority, shared by all functions and replicas; first come, first served.</summary>
internal sealed class StaticPulls(
    QueueWorkerOptions options, StreamSetup setup, Slots slots, Suspicion suspicion, TimeProvider time, ILogger log) : ICallPulls
{
    private readonly StreamConsumer[] _consumers =
    [
        Consumer(options, setup, StreamNames.StaticHigh, Priority.High, time),
        Consumer(options, setup, StreamNames.StaticNormal, Priority.Normal, time),
    ];

    public IReadOnlyList<StreamConsumer> Lasting => _consumers;

    public void Look(StreamInfo calls)
    {
        // A waiting pull tells sooner.
    }

    public Task RunAsync(CancellationToken stopping)
    {
        var max = options.Consuming.PullMaxMessages > 0 ? options.Consuming.PullMaxMessages : int.MaxValue;
        return new PullLoop(_consumers, slots, max, suspicion, time, log).RunAsync(stopping);
    }

    private static StreamConsumer Consumer(QueueWorkerOptions options, StreamSetup setup, string name, Priority priority, TimeProvider time) =>
        new(setup, StreamNames.Calls(options.Queue), StreamConsumer.Shared(name, StreamNames.CallSubjects(options.Queue, priority), options.Consuming.AckWait), time);
}
