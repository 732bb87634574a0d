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

    private readonly QueueWorkerOptions _options;
    private readonly NatsLink _link;
    private readonly PullInbox _inbox;
    private readonly ConsumerSetup _setup;
    private readonly Pauses _pauses;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Pump _pump;
    private readonly ITimer _timer;

    // Guards the schedule, which hints, resyncs and ended groups share, and the tasks of open groups.
    private readonly Lock _lock = new();
    private readonly AsideSchedule _schedule;
    private readonly HashSet<Task> _open = [];
    private CancellationToken _stopping = new(canceled: true);

    // What was told last of why a group cannot be worked on; null once one could.
    private string? _trouble;

    public AsidePulls(QueueWorkerOptions options, NatsLink link, PullInbox inbox, ConsumerSetup setup, Pauses pauses, Slots slots, TimeProvider time, ILogger log)
    {
        (_options, _link, _inbox, _setup, _pauses, Slots, _time, _log) = (options, link, inbox, setup, pauses, slots, time, log);
        _schedule = new AsideSchedule(pauses.HeldUntil);
        _pump = new Pump(Open, log);
        _timer = time.CreateTimer(_ => _pump.Run(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public Slots Slots { get; }

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
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await using var hints = await DirectSubscription.OpenAsync(_link.Connection, StreamNames.AsideHints(_options.Queue), (hint, _, _, _) => Hear(hint), stopping);
                await Task.Delay(Timeout.InfiniteTimeSpan, _time, stopping);
            }
            catch (Exception fault) when (!stopping.IsCancellationRequested)
            {
                // Meanwhile the resync finds what there is.
                Log.PullFailed(_log, StreamNames.AsideHints(_options.Queue), fault.Message);
                await Task.Delay(AfterFault, _time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (Exception)
            {
                // Told to stop: whatever ends the hints, what is open is still waited for.
            }
        }

        Task[] open;
        lock (_lock)
        {
            open = [.. _open];
        }

        await Task.WhenAll(open);
    }

    public void Dispose() => _timer.Dispose();

    private void Hear(string hint)
    {
        if (Find(StreamNames.SubjectOfHint(hint)))
        {
            _pump.Run();
        }
    }

    private bool Find(string subject)
    {
        // As a filter, a subject with a wildcard in it would mean the calls of other groups, and one may be too long for it.
        if (subject.Length > StreamConsumer.MaxFilter || subject.Split('.').Any(token => token is "*" or ">"))
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
            using var consumer = StreamConsumer.Lapsing(
                _inbox, _setup, StreamNames.Aside(_options.Queue), group.Consumer, group.Filter(_options.Queue), _options.Consuming.AckWait, InactiveThreshold, _time);
            var end = new GroupEnd(Slots);
            consumer.Listen(end);
            while (end.MayHaveMore && !stopping.IsCancellationRequested)
            {
                var max = Batch;
                if (group.Function is { } function && _pauses.HeldUntil(function) is { } until)
                {
                    // What was purged meanwhile is no probe.
                    if (until <= _time.GetUtcNow() && !await HasAnyAsync(group, stopping))
                    {
                        break;
                    }

                    // Each claim puts the next one off, unless its call turns out not to be sent.
                    if (until == DateTimeOffset.MaxValue || !await _pauses.TryClaimProbeAsync(function, stopping))
                    {
                        // Another worker's claim is heard of soon.
                        var soon = _time.GetUtcNow() + AfterFault;
                        again = until > soon ? until : soon;
                        break;
                    }

                    max = 1;
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
                Log.PullFailed(_log, group.Consumer, fault.Message);
            }

            again = _time.GetUtcNow() + AfterFault;
        }

        lock (_lock)
        {
            _schedule.Closed(group, again, _time.GetUtcNow(), nakked);
        }
    }

    private async Task<bool> HasAnyAsync(AsideGroup group, CancellationToken ct)
    {
        var found = await _link.PageOfSubjectsAsync(StreamNames.Aside(_options.Queue), group.Filter(_options.Queue), 0, ct);
        _trouble = null;
        return found.State.Subjects is { Count: > 0 };
    }
}
