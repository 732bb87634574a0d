using Connectors.QueueWorker.Callbacks;
using Connectors.QueueWorker.Dispatching;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using NATS.Client.JetStream.Models;

namespace Connectors.QueueWorker.Consuming;

/// <summary>What this worker takes from where: calls in the queue's mode, callback records by their one consumer, each kind in slots of its own.</summary>
internal sealed class Pulls : IDisposable
{
    private readonly RunningDeliveries _runningCalls;
    private readonly RunningDeliveries _runningCallbacks;
    private readonly ICallPulls _calls;
    private readonly PullLoop _callbacks;
    private readonly ModeClaim _mode;
    private readonly Drain _drain;

    public Pulls(
        QueueWorkerOptions options, Broker broker, StreamSetup setup, ModeClaim mode, Suspicion suspicion, LeaseKeeper leases, Drain drain,
        Dispatcher calls, CallbackDispatcher callbacks, Metrics metrics, TimeProvider time, ILogger<Pulls> log)
    {
        _mode = mode;
        _drain = drain;
        _runningCalls = new RunningDeliveries(options.Consuming.MaxInflight, calls, leases, drain.Grace, log);
        _runningCallbacks = new RunningDeliveries(options.Callbacks.MaxInflight, callbacks, leases, drain.Grace, log);
        _calls = options.Consuming.Mode == ScalingMode.Static
            ? new StaticPulls(options, setup, _runningCalls, suspicion, time, log)
            : new FunctionPulls(options, broker, setup, _runningCalls, mode, metrics, time, log);
        CallbackConsumer = new StreamConsumer(
            setup,
            StreamNames.Callbacks(options.Queue),
            StreamConsumer.Shared(StreamNames.CallbackConsumer, StreamNames.CallbackSubjects(options.Queue), options.Consuming.AckWait),
            time);
        _callbacks = new PullLoop([CallbackConsumer], _runningCallbacks, int.MaxValue, suspicion, time, log);
    }

    public StreamConsumer CallbackConsumer { get; }

    public IReadOnlyList<StreamConsumer> LastingCallConsumers => _calls.Lasting;

    public void Look(StreamInfo calls) => _calls.Look(calls);

    /// <summary>Pulls until told to stop.</summary>
    public Task RunAsync(CancellationToken stopping) => Task.WhenAll(RunCallsAsync(stopping), _callbacks.RunAsync(stopping));

    /// <summary>Finishes what runs and hands back the rest.</summary>
    public Task DrainAsync() =>
        _drain.FinishAsync(() => _runningCalls.Count + _runningCallbacks.Count, () => Task.WhenAll(_runningCalls.IdleAsync(), _runningCallbacks.IdleAsync()));

    public void Dispose()
    {
        _runningCalls.Dispose();
        _runningCallbacks.Dispose();
        (_calls as IDisposable)?.Dispose();
    }

    private async Task RunCallsAsync(CancellationToken stopping)
    {
        try
        {
            while (!stopping.IsCancellationRequested)
            {
                await _mode.HeldAsync(stopping);
                using var either = CancellationTokenSource.CreateLinkedTokenSource(stopping, _mode.Held);
                await _calls.RunAsync(either.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // Told to stop while the queue was in the other mode.
        }
    }
}
