using Connectors.QueueWorker.Dispatching;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.JetStream.Models;

namespace Connectors.QueueWorker.Consuming;

/// <summary>
/// Brings back the calls that lie aside, group by group when each is due: those that are delayed at their time, those that are held when their function is resumed. Every worker does; a group's consumer, which lapses by itself, shares its messages
/// out among them.
/// </summary>
/// <remarks>
/// The invariant: of each message, somebody tells the schedule after it was stored and before it is due, within the schedule's horizon. The stream republishes
/// its headers, which is a hint at once that may be lost, and is of no use while the message is due far beyond; a resync with the stream's subjects every few
/// seconds finds the rest, and what a worker left behind that died. Nothing is fetched before its group is due, and of groups that are due at once only some at
/// a time, so that memory and the load on the stream have a bound whatever lies there.
/// </remarks>
internal sealed class AsidePulls : IDisposable
{
    // Each group that is open has so many slots, so that none waits for another.
    private const int MaxOpen = 8;
    private const int Batch = 64;

    /// <summary>Slots for what is being brought back.</summary>
    public const int MaxInflight = MaxOpen * Batch;

    private static readonly TimeSpan AfterFault = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan MaxPause = TimeSpan.FromSeconds(5);

    // No group is worked on for long: its consumer, and what died with a worker, are soon forgotten.
    private static readonly TimeSpan InactiveThreshold = TimeSpan.FromSeconds(10);

    private readonly string _queue;
    private readonly NatsLink _link;
    private readonly Consumers _consumers;
    private readonly Pauses _pauses;
    private readonly Slots _slots;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Hints _hints;
    private readonly Pump _pump;
    private readonly ITimer _timer;

    // Guards the schedule, which hints, resyncs and ended groups share, and the tasks of open groups.
    private readonly Lock _lock = new();
    private readonly AsideSchedule _schedule;
    private readonly HashSet<Task> _open = [];
    private CancellationToken _stopping = new(canceled: true);

    // What was told last of why a group cannot be worked on; null once one could.
    private string? _trouble;

    public AsidePulls(QueueWorkerOptions options, NatsLink link, Consumers consumers, Pauses pauses, WorkSlots slots, TimeProvider time, ILogger<AsidePulls> log)
    {
        (_queue, _link, _consumers, _pauses, _slots, _time, _log) = (options.Queue, link, consumers, pauses, slots.Aside, time, log);
        _hints = new Hints(link, time, log);
        _schedule = new AsideSchedule(pauses.HeldUntil);
        _pump = new Pump(Open, log);
        _timer = time.CreateTimer(_ => _pump.Run(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Tells what the stream holds, or some of it.</summary>
    public void Resync(StreamInfo aside)
    {
        foreach (var subject in aside.State.Subjects?.Keys ?? [])
        {
            Find(subject);
        }

        _pump.Run();
    }

    /// <summary>These functions were paused or resumed, or their breakers changed.</summary>
    public void Wake(IReadOnlyCollection<FunctionName> functions)
    {
        lock (_lock)
        {
            foreach (var function in functions)
            {
                _schedule.Wake(function, _time.GetUtcNow());
            }
        }

        _pump.Run();
    }

    /// <summary>Brings calls back until told to stop. What was begun then may still come.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        _stopping = stopping;
        _pump.Run();
        await _hints.ListenAsync(StreamNames.AsideHints(_queue), Hear, stopping);

        Task[] open;
        lock (_lock)
        {
            open = [.. _open];
        }

        await Task.WhenAll(open);
    }

    public void Dispose() => _timer.Dispose();

    private void Hear(string subject)
    {
        if (Find(subject))
        {
            _pump.Run();
        }
    }

    private bool Find(string subject)
    {
        // As a filter, a subject with a wildcard in it would mean the calls of other groups, and one may be too long for it.
        if (!StreamConsumer.CanFilter(subject))
        {
            return false;
        }

        lock (_lock)
        {
            return _schedule.Found(AsideGroup.Of(subject), _time.GetUtcNow());
        }
    }

    private void Open()
    {
        lock (_lock)
        {
            if (_stopping.IsCancellationRequested)
            {
                return;
            }

            while (_open.Count < MaxOpen && _schedule.TryTake(_time.GetUtcNow()) is { } group)
            {
                var emptying = EmptyAsync(group, _stopping);
                _open.Add(emptying);
                _ = emptying.ContinueWith(Closed, TaskScheduler.Default);
            }

            if (_schedule.Next is { } next && _open.Count < MaxOpen)
            {
                var pause = next - _time.GetUtcNow();
                _timer.Change(pause < TimeSpan.Zero ? TimeSpan.Zero : pause < MaxPause ? pause : MaxPause, Timeout.InfiniteTimeSpan);
            }
        }
    }

    private void Closed(Task emptying)
    {
        lock (_lock)
        {
            _open.Remove(emptying);
        }

        _pump.Run();
    }

    private async Task EmptyAsync(AsideGroup group, CancellationToken stopping)
    {
        await Task.Yield();
        DateTimeOffset? again = null;
        TimeSpan? nakked = null;
        try
        {
            using var consumer = _consumers.Lapsing(StreamNames.Aside(_queue), group.Consumer, group.Filter(_queue), InactiveThreshold);
            var end = new GroupEnd(_slots);
            consumer.Listen(end);
            again = await TakeAsync(group, consumer, end, stopping);
            if (end.IsRefused)
            {
                // What comes next would be refused too, in this group and in others. This one stays open so long, and few may be: that bounds what is written in vain.
                await Task.Delay(end.Again ?? AfterFault, _time, stopping);
                again = _time.GetUtcNow();
            }

            again ??= end.IsGone ? _time.GetUtcNow() + AfterFault : null;
            nakked = end.Again;
        }
        catch (Exception fault)
        {
            if (!stopping.IsCancellationRequested && Interlocked.Exchange(ref _trouble, fault.Message) != fault.Message)
            {
                Log.TakingFailed(_log, group.Consumer, fault.Message);
            }

            again = _time.GetUtcNow() + AfterFault;
        }

        lock (_lock)
        {
            _schedule.Closed(group, again, _time.GetUtcNow(), nakked);
        }
    }

    // One batch after the other. Returns when the group is to be looked at again, if it is held until then.
    private async Task<DateTimeOffset?> TakeAsync(AsideGroup group, StreamConsumer consumer, GroupEnd end, CancellationToken stopping)
    {
        while (end.MayHaveMore && !stopping.IsCancellationRequested)
        {
            var (max, again) = await MayTakeAsync(group, stopping);
            if (max == 0)
            {
                return again;
            }

            if (!consumer.IsBound)
            {
                await consumer.BindAsync(stopping);
                _trouble = null;
            }

            do
            {
                // One that was asked for too few bytes brought nothing, and has used no claim.
                await end.NextAsync(consumer, max, stopping);
            }
            while (end.WasTooSmall && !stopping.IsCancellationRequested);
        }

        return null;
    }

    // How many of a group may come back now: of one that is held for a function no more than a probe, which is claimed for it. If none, when to look again; null
    // where none is left.
    private async Task<(int Max, DateTimeOffset? Again)> MayTakeAsync(AsideGroup group, CancellationToken stopping)
    {
        if (group.Function is not { } function || _pauses.HeldUntil(function) is not { } until)
        {
            return (Batch, null);
        }

        // What was purged meanwhile is no probe.
        if (until <= _time.GetUtcNow() && !await HasAnyAsync(group, stopping))
        {
            return (0, null);
        }

        // Each claim puts the next one off, unless its call turns out not to be sent.
        if (until != DateTimeOffset.MaxValue && await _pauses.TryClaimProbeAsync(function, stopping))
        {
            return (1, null);
        }

        // Another worker's claim is heard of soon.
        var soon = _time.GetUtcNow() + AfterFault;
        return (0, until > soon ? until : soon);
    }

    private async Task<bool> HasAnyAsync(AsideGroup group, CancellationToken ct)
    {
        var found = await _link.PageOfSubjectsAsync(StreamNames.Aside(_queue), group.Filter(_queue), 0, ct);
        _trouble = null;
        return found.State.Subjects is { Count: > 0 };
    }
}
