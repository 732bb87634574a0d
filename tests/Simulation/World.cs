namespace Connectors.Simulation.Tests;

/// <summary>
/// Virtual time, and all that happens in it, one thing after the other. An event runs when everything that the one before it woke has come to rest: the pool,
/// on whose single thread all of it runs, has nothing left to do. So a run depends on its plan alone.
/// <code>
/// event at 0.100 s   a delivery arrives: a slot's work starts, asks the function, waits     pool empty
/// event at 0.153 s   the function answers: the work goes on, publishes, waits               pool empty
/// </code>
/// </summary>
internal sealed class World(int seed) : IThreadPoolWorkItem
{
    // Events for which no time passes: more of them wake each other without end.
    private const int MaxAtOnce = 10_000;

    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly PriorityQueue<Action, (long At, long Order)> _events = new();
    private readonly List<ITimer> _timers = [];
    private readonly TaskCompletionSource<Exception?> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _order;
    private bool _isOver;
    private int _atOnce;

    public Random Random { get; } = new(seed);

    /// <summary>Time since the start.</summary>
    public TimeSpan Elapsed { get; private set; }

    public DateTimeOffset Now => Start + Elapsed;

    /// <summary>How many events there were, and which: two runs of one plan agree on it.</summary>
    public (long Events, long Trace) History { get; private set; }

    public void At(TimeSpan at, Action happen) => _events.Enqueue(happen, ((at > Elapsed ? at : Elapsed).Ticks, _order++));

    public void After(TimeSpan wait, Action happen) => At(Elapsed + wait, happen);

    /// <summary>
    /// Keeps a timer, and whoever waits for it, for as long as the world. What a dead process waited for would otherwise be collected, and a finalizer, on a
    /// thread of its own at any time, tells who waits for a <see cref="PeriodicTimer"/> that it has ended.
    /// </summary>
    public void Keep(ITimer timer) => _timers.Add(timer);

    /// <summary>Makes two runs that differ in this differ in <see cref="History"/>.</summary>
    public void Note(int what) => History = (History.Events, unchecked((History.Trace * 31) + (Elapsed.Ticks ^ what)));

    public void End() => _isOver = true;

    /// <summary>Runs to its end, and returns what failed in the world itself; called from outside the pool.</summary>
    public Exception? Run()
    {
        // What another thread of the pool left in its own queue is stolen only while the common one is empty.
        SpinWait.SpinUntil(() => ThreadPool.PendingWorkItemCount == 0);
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        return _ended.Task.GetAwaiter().GetResult();
    }

    void IThreadPoolWorkItem.Execute()
    {
        try
        {
            while (ThreadPool.PendingWorkItemCount == 0)
            {
                if (_isOver || !_events.TryDequeue(out var happen, out var at))
                {
                    _ended.SetResult(null);
                    return;
                }

                _atOnce = at.At == Elapsed.Ticks ? _atOnce + 1 : 0;
                if (_atOnce > MaxAtOnce)
                {
                    throw new InvalidOperationException($"something spins at {Elapsed}");
                }

                Elapsed = TimeSpan.FromTicks(at.At);
                History = (History.Events + 1, History.Trace);
                happen();
            }

            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
        catch (Exception fault)
        {
            _ended.SetResult(fault);
        }
    }
}

/// <summary>
/// One process of a worker, and its clock. Killed, nothing that it awaits ever comes, and nothing that it does leaves it; stopped for a while, all that comes
/// waits until it goes on. Something may be made to happen at one of its effects, by their count.
/// </summary>
internal sealed class Process(World world, string name) : TimeProvider
{
    private readonly List<(int Effect, bool IsAfter, Action Happen)> _awaited = [];
    private TimeSpan _stoppedUntil;
    private int _effects;

    public string Name => name;

    public bool IsDead { get; private set; }

    /// <summary>Called when it is killed.</summary>
    public Action? Died { get; set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => world.Now;

    public override long GetTimestamp() => world.Elapsed.Ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, () => callback(state));
        timer.Change(dueTime, period);
        world.Keep(timer);
        return timer;
    }

    public void Kill()
    {
        if (!IsDead)
        {
            IsDead = true;
            Died?.Invoke();
        }
    }

    /// <summary>Has something happen just before or just after an effect: the next one is 1. A kill before it keeps it from happening.</summary>
    public void AtEffect(int number, bool isAfter, Action happen) => _awaited.Add((_effects + number, isAfter, happen));

    public void Stop(TimeSpan span) => _stoppedUntil = world.Elapsed + span;

    /// <summary>Something that the outside would notice.</summary>
    /// <param name="effect">What happens there.</param>
    /// <param name="counts">Whether it is one of <see cref="AtEffect"/>.</param>
    public void Act(Action effect, bool counts)
    {
        if (IsDead)
        {
            return;
        }

        if (!counts)
        {
            effect();
            return;
        }

        _effects++;
        Happen(isAfter: false);
        if (!IsDead)
        {
            effect();
            Happen(isAfter: true);
        }
    }

    /// <summary>Something that comes to it.</summary>
    public void Receive(Action happen)
    {
        if (IsDead)
        {
            return;
        }

        if (world.Elapsed < _stoppedUntil)
        {
            world.At(_stoppedUntil, () => Receive(happen));
        }
        else
        {
            happen();
        }
    }

    private void Happen(bool isAfter)
    {
        foreach (var (_, _, happen) in _awaited.Where(awaited => awaited.Effect == _effects && awaited.IsAfter == isAfter).ToList())
        {
            happen();
        }
    }

    private sealed class Timer(Process process, Action callback) : ITimer
    {
        private int _version;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            var version = ++_version;
            if (dueTime >= TimeSpan.Zero)
            {
                process.After(dueTime, () => Fire(version, period));
            }

            return true;
        }

        public void Dispose() => _version++;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Fire(int version, TimeSpan period)
        {
            if (version != _version)
            {
                return;
            }

            if (period > TimeSpan.Zero)
            {
                process.After(period, () => Fire(version, period));
            }

            callback();
        }
    }

    private void After(TimeSpan wait, Action happen) => world.After(wait, () => Receive(happen));
}
