using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.QueueWorker.Consuming;

/// <summary>
/// Checks streams and consumers every few seconds, and at once when a pull found one gone. What another client deleted is created again.
/// </summary>
internal sealed class Watchdog(
    QueueWorkerOptions options, StreamSetup setup, ModeClaim mode, Pulls pulls, StreamLook look, Recheck recheck, Readiness readiness, TimeProvider time, ILogger<Watchdog> log)
{
    private const string Condition = "streams";
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan AfterFault = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan CheckTimeout = TimeSpan.FromSeconds(10);

    private bool _isFirst = true;

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

            await look.AtCallsAsync(stopping);
        }
        else if (shape.Name == StreamNames.Callbacks(options.Queue))
        {
            look.AtCallbacks(stream);
            await BindAsync(pulls.CallbackConsumer, stopping);
        }
        else if (shape.Name == StreamNames.Aside(options.Queue))
        {
            look.AtAside(stopping);
        }
    }

    // Of several, the first.
    private void Tell(StreamShape shape, Exception fault)
    {
        var error = $"{shape.Name}: {(fault is OperationCanceledException ? "no answer in time" : fault.Message)}";
        readiness.Lost(Condition, error);
        Log.BrokerSilent(log, options.Nats.Url, error);
    }

    // Each step has its own limit: a claim of the other mode waits as long as it must, which is no silence of the broker.
    private async Task<StreamInfo> EnsureAsync(StreamShape shape, CancellationToken stopping)
    {
        using var limit = new TimeLimit(CheckTimeout, time, stopping);
        return await setup.EnsureAsync(shape, _isFirst, limit.Token);
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
