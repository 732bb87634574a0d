using Connectors.QueueWorker.Dispatching;
using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using NATS.Client.JetStream.Models;

namespace Connectors.QueueWorker.Consuming;

/// <summary>What this worker takes from where: calls in the queue's mode, callback records by their one consumer, calls that were put aside when they are due.</summary>
internal sealed class Pulls
{
    private readonly PullInbox _inbox;
    private readonly ICallPulls _calls;
    private readonly CallbackPulls _callbacks;
    private readonly AsidePulls _aside;
    private readonly ModeClaim _mode;
    private readonly Acks _acks;

    public Pulls(QueueWorkerOptions options, PullInbox inbox, ICallPulls calls, CallbackPulls callbacks, AsidePulls aside, ModeClaim mode, Pauses pauses, Acks acks)
    {
        (_inbox, _calls, _callbacks, _aside, _mode, _acks) = (inbox, calls, callbacks, aside, mode, acks);
        pauses.Changed = Wake;
        mode.Looked = Saw;
        inbox.MessageLost = () => Metrics.MessageLost(options.Queue);
    }

    public StreamConsumer CallbackConsumer => _callbacks.Consumer;

    public IReadOnlyList<StreamConsumer> LastingCallConsumers => _calls.Lasting;

    /// <summary>Tells what the stream of calls holds.</summary>
    public void Resync(StreamInfo calls) => _calls.Resync(calls);

    /// <summary>Tells what lies aside, or some of it.</summary>
    public void ResyncAside(StreamInfo aside) => _aside.Resync(aside);

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
