using Connectors.QueueWorker.Callbacks;
using Connectors.QueueWorker.Dispatching;
using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.Core;
using NATS.Client.JetStream.Models;

namespace Connectors.QueueWorker.Consuming;

/// <summary>What this worker takes from where: calls in the queue's mode, callback records by their one consumer, calls that were put aside when they are due; each kind in slots of its own.</summary>
internal sealed class Pulls : IDisposable
{
    private static readonly TimeSpan FlushTimeout = TimeSpan.FromSeconds(2);

    private readonly Slots _callSlots;
    private readonly Slots _callbackSlots;
    private readonly AsidePulls _aside;
    private readonly ICallPulls _calls;
    private readonly PullLoop _callbacks;
    private readonly ModeClaim _mode;
    private readonly Drain _drain;
    private readonly PullInbox _inbox;
    private readonly Acks _acks;
    private readonly TimeSpan _ackWait;
    private readonly TimeProvider _time;
    private readonly ILogger _log;

    public Pulls(
        QueueWorkerOptions options, NatsLink link, PullInbox inbox, ConsumerSetup setup, ModeClaim mode, Recheck recheck, Acks acks, Drain drain,
        Pauses pauses, Dispatcher calls, CallbackDispatcher callbacks, AsideReturn aside, TimeProvider time, ILogger<Pulls> log)
    {
        (_inbox, _acks, _ackWait, _mode, _drain, _time, _log) = (inbox, acks, options.Consuming.AckWait, mode, drain, time, log);
        _callSlots = new Slots(options.Consuming.MaxInflight, calls, acks, drain.Grace, time, log);
        _callbackSlots = new Slots(options.Callbacks.MaxInflight, callbacks, acks, drain.Grace, time, log);
        _aside = new AsidePulls(options, link, inbox, setup, pauses, new Slots(AsidePulls.MaxInflight, aside, acks, drain.Grace, time, log), time, log);
        _calls = options.Consuming.Mode == ScalingMode.Static
            ? new StaticPulls(options, inbox, setup, pauses, _callSlots, recheck, time, log)
            : new FunctionPulls(options, link, inbox, setup, pauses, _callSlots, mode, time, log);
        CallbackConsumer = StreamConsumer.Shared(
            inbox, setup, StreamNames.Callbacks(options.Queue), StreamNames.CallbackConsumer, StreamNames.CallbackSubjects(options.Queue), options.Consuming.AckWait, time);
        _callbacks = new PullLoop([CallbackConsumer], _callbackSlots, int.MaxValue, () => true, recheck, time, log);
        pauses.Changed = Wake;
        mode.Looked = Saw;
        inbox.MessageLost = () => Metrics.MessageLost(options.Queue);
        UnusedBreakers = new UnusedBreakers(options, link, pauses);
    }

    public Slots CallSlots => _callSlots;

    public Slots CallbackSlots => _callbackSlots;

    public AsidePulls Aside => _aside;

    public UnusedBreakers UnusedBreakers { get; }

    /// <summary>Everything that is under a lease.</summary>
    public IEnumerable<Delivery> Deliveries => _callSlots.Deliveries.Concat(_callbackSlots.Deliveries).Concat(_aside.Slots.Deliveries);

    /// <summary>The shortest lease of it, which is this worker's own unless another gave the consumer a shorter one.</summary>
    public TimeSpan ShortestLease => _inbox.ShortestLease(_ackWait);

    public StreamConsumer CallbackConsumer { get; }

    public IReadOnlyList<StreamConsumer> LastingCallConsumers => _calls.Lasting;

    public void Resync(StreamInfo calls) => _calls.Resync(calls);

    /// <summary>A stream was looked at, before anything is pulled of it that the look could tell of.</summary>
    /// <param name="stream">The stream as it was found.</param>
    /// <param name="asked">When it was asked for, as a timestamp.</param>
    public void Saw(StreamInfo stream, long asked)
    {
        if (_inbox.Saw(stream, asked))
        {
            _acks.Forget(stream.Config.Name!);
        }
    }

    /// <summary>Pulls until told to stop, or until one of the three ends although it was not.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        await _inbox.OpenAsync(stopping);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var calls = RunCallsAsync(ending.Token);
        var callbacks = _callbacks.RunAsync(ending.Token);
        var aside = _aside.RunAsync(ending.Token);
        await Task.WhenAny(calls, callbacks, aside);
        await ending.CancelAsync();
        await Task.WhenAll(calls, callbacks, aside);
    }

    /// <summary>Finishes what runs and naks the rest. The server has read the acks when this returns.</summary>
    public async Task DrainAsync()
    {
        using var closing = new CancellationTokenSource(FlushTimeout, _time);
        await _inbox.CloseAsync(closing.Token);
        Slots[] all = [_callSlots, _callbackSlots, _aside.Slots];
        await _drain.FinishAsync(() => all.Sum(slots => slots.Running), () => Task.WhenAll(all.Select(slots => slots.IdleAsync())));
        using var flushing = new CancellationTokenSource(FlushTimeout, _time);
        try
        {
            await _inbox.FlushAsync(flushing.Token);
        }
        catch (Exception fault) when (fault is NatsException or OperationCanceledException)
        {
            Log.AcksNotFlushed(_log, fault.Message);
        }
    }

    public void Dispose()
    {
        (_calls as IDisposable)?.Dispose();
        _aside.Dispose();
    }

    private void Wake(IReadOnlyCollection<FunctionName> functions)
    {
        _calls.Wake();
        _aside.Wake(functions);
    }

    private async Task RunCallsAsync(CancellationToken stopping)
    {
        try
        {
            while (!stopping.IsCancellationRequested)
            {
                await _mode.OursAsync(stopping);
                using var either = CancellationTokenSource.CreateLinkedTokenSource(stopping, _mode.Lost);
                await _calls.RunAsync(either.Token);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Told to stop while the queue was in the other mode.
        }
    }
}

/// <summary>How the calls of a queue are taken: by consumers that all functions share, or by one for each function.</summary>
internal interface ICallPulls
{
    /// <summary>Consumers that exist as long as the mode does.</summary>
    IReadOnlyList<StreamConsumer> Lasting { get; }

    /// <summary>Tells that the queue may have been resumed.</summary>
    void Wake();

    /// <summary>Tells what the stream holds, every few seconds: the safety net under everything quicker.</summary>
    void Resync(StreamInfo calls);

    /// <summary>Pulls until told to stop; what was started is then still running.</summary>
    Task RunAsync(CancellationToken stopping);
}
