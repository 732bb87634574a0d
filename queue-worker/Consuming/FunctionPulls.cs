using System.Collections.Concurrent;
using System.Text;
using Connectors.QueueWorker.Dispatching;
using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.JetStream.Models;

namespace Connectors.QueueWorker.Consuming;

/// <summary>
/// Function mode: a consumer for each function with work, and the slots shared out among them, so that nobody starves.
/// </summary>
/// <remarks>
/// How work is found. The invariant: of each message in the stream, somebody tells the scheduler after it was stored, and no later than it may run:
/// <code>
/// stored (accept, retry copy)   the stream republishes its headers: a hint, at once, which may be lost
/// hint lost, worker just up     the resync with the stream's subjects, every few seconds, finds it
/// nakked here with a delay      Expect(side, then): nothing republishes a redelivery
/// nakked elsewhere, lease lost  the resync, for the message is still in the stream
/// </code>
/// A side that is told of is asked until it answers that nothing waits. What is found in between counts as not yet asked about. One whose consumer is gone, or cannot
/// be made, is tried again after half a second and then ever later, whatever it is told; at once when there is a new connection.
/// </remarks>
internal sealed class FunctionPulls : ICallPulls, IDisposable
{
    private static readonly TimeSpan MaxPause = TimeSpan.FromSeconds(5);

    // Of so many subjects it is remembered that they were told of.
    private const int MaxUnaskable = 10_000;

    private static readonly TimeSpan Remembered = TimeSpan.FromMinutes(10);

    private readonly QueueWorkerOptions _options;
    private readonly Pauses _pauses;
    private readonly Slots _slots;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly FairScheduler _scheduler;
    private readonly int _batch;
    private readonly Partition _partition;
    private readonly CallSubjects _subjects;
    private readonly ConcurrentDictionary<string, bool> _unaskable = new();
    private readonly ConcurrentDictionary<Task, bool> _binds = new();
    private readonly Pump _pump;
    private readonly ITimer _timer;
    private readonly FunctionConsumers _functionConsumers;
    private readonly Hints _hints;
    private readonly DateTimeOffset _began;
    private readonly long _beganAt;
    private volatile bool _isOn;
    private CancellationToken _ending;

    public FunctionPulls(
        QueueWorkerOptions options, NatsLink link, Consumers consumers, Pauses pauses, WorkSlots slots, ModeClaim mode, TimeProvider time, ILogger<FunctionPulls> log)
    {
        (_options, _pauses, _slots, _time, _log) = (options, pauses, slots.Calls, time, log);
        (_began, _beganAt) = (time.GetUtcNow(), time.GetTimestamp());
        var consuming = options.Consuming;
        _batch = Math.Clamp(consuming.MaxInflight / 8, 1, 4);
        _partition = new Partition(consuming.Partitions, consuming.Partition);
        _subjects = new CallSubjects(options.Queue, _partition);
        _pump = new Pump(Pull, log);
        _timer = time.CreateTimer(_ => _pump.Run(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _slots.Freed = _pump.Run;
        _scheduler = new FairScheduler(
            consuming.MaxInflight,
            function => new FunctionLane(function, consuming.LimiterEnabled ? new ConcurrencyLimit(consuming.MaxInflight) : null, consuming.MaxInflight)
            {
                // What stands on no function's subject is run by none, and tells nothing of how many.
                MaxInflight = CallSubjects.IsForeign(function) ? consuming.MaxInflight : null,
            },
            (lane, priority) =>
            {
                var function = lane.Function;
                Log.FunctionFound(log, function.ToString(), priority.ToString());
                var name = StreamNames.FunctionConsumer(function, priority);
                var filter = _subjects.Filter(function, priority);
                var consumer = consumers.Lapsing(StreamNames.Calls(options.Queue), name, filter, consuming.InactiveThreshold);
                var side = new LaneSide(lane, priority, consumer);
                consumer.Listen(new SideListener(this, side));
                return side;
            });
        _hints = new Hints(link, time, log);
        _functionConsumers = new FunctionConsumers(StreamNames.Calls(options.Queue), mode, _scheduler, log);
        link.Connection.ConnectionOpened += (_, _) => OnOpened();
    }

    public IReadOnlyList<StreamConsumer> Lasting => [];

    public void Wake() => _pump.Run();

    public void Resync(StreamInfo calls)
    {
        foreach (var subject in calls.State.Subjects?.Keys ?? [])
        {
            Find(subject);
        }

        foreach (var (function, limit) in _scheduler.Limits.Where(learned => !CallSubjects.IsForeign(learned.Function)))
        {
            Metrics.Learned(_options.Queue, function, limit);
        }

        foreach (var function in _scheduler.Forget(Now - Remembered))
        {
            _subjects.Forget(function);
            Metrics.Forgot(_options.Queue, function);
        }
    }

    public async Task RunAsync(CancellationToken stopping)
    {
        _ending = stopping;
        _isOn = true;
        _scheduler.TryAgain();
        _pump.Run();
        await _hints.ListenAsync(StreamNames.Hints(_options.Queue), Find, stopping);
        _isOn = false;
        await Task.WhenAll(_binds.Keys);
    }

    public void Dispose() => _timer.Dispose();

    // The scheduler's time, which does not follow a clock that is set.
    private DateTimeOffset Now => _began + _time.GetElapsedTime(_beganAt);

    private ValueTask OnOpened()
    {
        _scheduler.TryAgain();
        _pump.Run();
        return ValueTask.CompletedTask;
    }

    private void Find(string subject)
    {
        if (!StreamConsumer.CanFilter(subject))
        {
            // As a consumer's filter it would mean the calls of many functions, and keep theirs from being made; or be too long for one.
            if (_unaskable.Count < MaxUnaskable && _unaskable.TryAdd(subject, true))
            {
                Log.SubjectUnaskable(_log, subject);
            }

            return;
        }

        var (function, priority) = _subjects.Of(subject);
        if (_partition.Serves(function) && _scheduler.Found(function, priority, Now))
        {
            _pump.Run();
        }
    }

    private void Pull()
    {
        if (!_isOn || _pauses.IsQueuePaused)
        {
            return;
        }

        // While somebody is being asked already, a few slots may wait for more of them: with the answer this runs again.
        if (_slots.Free < _batch && _scheduler.IsAsking)
        {
            return;
        }

        foreach (var (side, calls) in _scheduler.Plan(_slots, _options.Consuming.PullMax, Now))
        {
            if (!side.Consumer.TryPull(calls, waits: false))
            {
                Track(BindAndPullAsync(side, calls, _ending));
            }
        }

        if (_scheduler.NextDue is { } due)
        {
            var pause = due - Now;
            _timer.Change(pause < TimeSpan.Zero ? TimeSpan.Zero : pause < MaxPause ? pause : MaxPause, Timeout.InfiniteTimeSpan);
        }
    }

    private async Task BindAndPullAsync(LaneSide side, int calls, CancellationToken ending)
    {
        await Task.Yield();
        try
        {
            if (await _functionConsumers.BindAsync(side, ending))
            {
                _scheduler.Bound(side);

                // How many it may be asked for at once is known only now.
                var asked = Math.Min(calls, side.Consumer.MaxBatch);
                Returned(side, calls - asked, PullEnd.Empty, asked);
                calls = asked;
                if (side.Consumer.TryPull(calls, waits: false))
                {
                    return;
                }
            }
        }
        catch (Exception fault)
        {
            if (!ending.IsCancellationRequested && side.Trouble != fault.Message)
            {
                side.Trouble = fault.Message;
                Log.TakingFailed(_log, side.Consumer.Name, fault.Message);
            }
        }

        Returned(side, calls, PullEnd.Gone, 0);
    }

    private void Delivered(LaneSide side, Delivery delivery, bool wasAsked, int outstanding)
    {
        if (!wasAsked)
        {
            _slots.Nak(delivery);
            _scheduler.Expect(side, Now);
            _pump.Run();
            return;
        }

        _scheduler.Started(side, delivery.Envelope);
        if (outstanding == 0)
        {
            // Its side stands in line again before the last call runs: else its slot, soon free, would go to one of lower priority.
            _scheduler.Answered(side, 0, isOver: true, PullEnd.HasMore, Now);
        }

        _slots.Start(delivery, handled => Ended(side, handled));
        if (outstanding == 0)
        {
            _pump.Run();
        }
    }

    private void Returned(LaneSide side, int unused, PullEnd why, int outstanding)
    {
        if (unused > 0)
        {
            _scheduler.Answered(side, unused, outstanding == 0, why, Now);
            _slots.Release(unused);
        }
    }

    private void Ended(LaneSide side, Handled handled)
    {
        if (handled.Again is { } wait)
        {
            _scheduler.Expect(side, Now + wait);
        }

        _scheduler.Ended(side, handled.Load);
    }

    private void Track(Task task)
    {
        _binds[task] = true;
        _ = task.ContinueWith(done => _binds.TryRemove(done, out _), TaskScheduler.Default);
    }

    private sealed class SideListener(FunctionPulls pulls, LaneSide side) : IPullListener
    {
        public void Delivered(Delivery delivery, bool wasAsked, int outstanding) => pulls.Delivered(side, delivery, wasAsked, outstanding);

        public void Returned(int unused, PullEnd why, int outstanding) => pulls.Returned(side, unused, why, outstanding);
    }
}

/// <summary>Which functions this worker serves: FNV-1a, 32 bits, of <c>name.namespace</c>, modulo the number of partitions.</summary>
internal readonly record struct Partition(int Count, int Index)
{
    private const uint OffsetBasis = 2166136261;
    private const uint Prime = 16777619;

    public bool Serves(FunctionName function) => Count == 1 || Hash(function.ToString()) % (uint)Count == Index;

    public static uint Hash(string text)
    {
        var hash = OffsetBasis;
        foreach (var b in Encoding.UTF8.GetBytes(text))
        {
            hash = unchecked((hash ^ b) * Prime);
        }

        return hash;
    }
}
