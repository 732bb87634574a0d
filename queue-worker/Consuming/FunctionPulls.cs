using System.Collections.Concurrent;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.QueueWorker.Consuming;

/// <summary>
/// Function mode: a consumer for each function with work, and the slots shared out among them, so that nobody starves. A republished header tells of work
/// at once; a look at the stream's subjects every few seconds finds what hints missed.
/// </summary>
internal sealed class FunctionPulls : ICallPulls, IDisposable
{
    private static readonly TimeSpan AfterFault = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Remembered = TimeSpan.FromMinutes(10);

    private readonly QueueWorkerOptions _options;
    private readonly Broker _broker;
    private readonly RunningDeliveries _running;
    private readonly ModeClaim _mode;
    private readonly Metrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Lanes _lanes;
    private readonly Partition _partition;
    private readonly ConcurrentDictionary<Task, bool> _asks = new();
    private readonly Suspicion _news = new();

    public FunctionPulls(
        QueueWorkerOptions options, Broker broker, StreamSetup setup, RunningDeliveries running, ModeClaim mode, Metrics metrics, TimeProvider time, ILogger log)
    {
        (_options, _broker, _running, _mode, _metrics, _time, _log) = (options, broker, running, mode, metrics, time, log);
        var consuming = options.Consuming;
        _partition = new Partition(consuming.Partitions, consuming.Partition);
        _lanes = new Lanes(
            consuming.MaxInflight,
            function => new FunctionLane(function, consuming.LimiterEnabled ? new ConcurrencyLimit(consuming.MaxInflight) : null, consuming.MaxInflight),
            (function, priority) =>
            {
                Log.FunctionFound(log, function.ToString(), priority.ToString());
                var name = StreamNames.FunctionConsumer(function, priority);
                var filter = StreamNames.CallSubject(options.Queue, priority, function);
                return new StreamConsumer(
                    setup, StreamNames.Calls(options.Queue), StreamConsumer.Lapsing(name, filter, consuming.AckWait, consuming.InactiveThreshold), time);
            });
    }

    public IReadOnlyList<StreamConsumer> Lasting => [];

    public void Look(StreamInfo calls)
    {
        foreach (var subject in calls.State.Subjects?.Keys ?? [])
        {
            Hear(subject);
        }

        foreach (var (function, limit) in _lanes.Limits)
        {
            _metrics.LearnedLimit.WithLabels(_options.Queue, function.ToString()).Set(limit);
        }

        foreach (var function in _lanes.Forget(_time.GetUtcNow() - Remembered))
        {
            _metrics.LearnedLimit.RemoveLabelled(_options.Queue, function.ToString());
        }
    }

    public async Task RunAsync(CancellationToken stopping)
    {
        var listening = ListenAsync(stopping);
        var most = _options.Consuming.PullMaxMessages > 0 ? _options.Consuming.PullMaxMessages : int.MaxValue;
        try
        {
            while (!stopping.IsCancellationRequested)
            {
                foreach (var (side, calls) in _lanes.Plan(_running, most, _time.GetUtcNow()))
                {
                    Track(AskAsync(side, calls));
                }

                await _news.WaitAsync(UntilDue(), stopping);
            }
        }
        catch (OperationCanceledException)
        {
            // Told to stop.
        }

        await Task.WhenAll(_asks.Keys);
        await listening;
    }

    public void Dispose() => _news.Dispose();

    private async Task ListenAsync(CancellationToken stopping)
    {
        try
        {
            await foreach (var hint in _broker.Connection.SubscribeAsync<NatsMemoryOwner<byte>>(
                StreamNames.Hints(_options.Queue), serializer: NatsRawSerializer<NatsMemoryOwner<byte>>.Default, cancellationToken: stopping))
            {
                hint.Data.Dispose();
                Hear(hint.Subject);
            }
        }
        catch (OperationCanceledException)
        {
            // Told to stop.
        }
    }

    private void Hear(string subject)
    {
        if (StreamNames.FunctionOf(subject) is { } function && StreamNames.PriorityOf(subject) is { } priority && _partition.Serves(function)
            && _lanes.Heard(function, priority, _time.GetUtcNow()))
        {
            _news.Raise();
        }
    }

    private async Task AskAsync(LaneSide side, int calls)
    {
        await Task.Yield();
        var left = calls;
        var failed = false;
        Delivery? last = null;
        try
        {
            if (side.Consumer.IsBound || await BindAsync(side))
            {
                await foreach (var delivery in side.Consumer.TakeAsync(calls, CancellationToken.None))
                {
                    left--;
                    _lanes.Started(side, delivery.Envelope?.MaxInflight);
                    if (left == 0)
                    {
                        last = delivery;
                    }
                    else
                    {
                        Start(side, delivery);
                    }
                }

                failed = !side.Consumer.IsBound;
            }
        }
        catch (Exception fault) when (fault is NatsException or OperationCanceledException or InvalidOperationException)
        {
            Log.PullFailed(_log, side.Consumer.Name, fault.Message);
            failed = true;
        }
        finally
        {
            _lanes.Asked(side, left, left == 0, _time.GetUtcNow());
            if (failed)
            {
                _lanes.Expect(side, _time.GetUtcNow() + AfterFault);
            }

            if (last is not null)
            {
                // Not before its side stands in line again: else its slot, soon free, would go to one of lower priority.
                Start(side, last);
            }

            _running.ReleaseSlots(left);
            _news.Raise();
        }
    }

    private void Start(LaneSide side, Delivery delivery) => _running.Start(delivery, handled => Ended(side, handled), _news.Raise);

    private async Task<bool> BindAsync(LaneSide side)
    {
        if (!await _mode.ConfirmAsync(CancellationToken.None))
        {
            return false;
        }

        try
        {
            await side.Consumer.BindAsync(CancellationToken.None);
            return true;
        }
        catch (NatsJSApiException fault) when (fault.Error.ErrCode == StreamSetup.NotUnique)
        {
            await _mode.ClearAsync(CancellationToken.None);
            throw;
        }
    }

    private void Ended(LaneSide side, Handled handled)
    {
        if (handled.Again is { } wait)
        {
            _lanes.Expect(side, _time.GetUtcNow() + wait);
        }

        _lanes.Ended(side, handled.Load);
    }

    private TimeSpan UntilDue()
    {
        var wait = (_lanes.NextDue ?? DateTimeOffset.MaxValue) - _time.GetUtcNow();
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait > TimeSpan.FromSeconds(5) ? TimeSpan.FromSeconds(5) : wait;
    }

    private void Track(Task task)
    {
        _asks[task] = true;
        _ = task.ContinueWith(done => _asks.TryRemove(done, out _), TaskScheduler.Default);
    }
}
