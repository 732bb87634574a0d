namespace Connectors.QueueWorker.Callbacks;

/// <summary>
/// How many slots the receivers of callbacks may hold, so that those that do not answer leave some to the others. One that answers promptly may hold any number;
/// those that are slow share half of the slots. What a receiver is like is known from its last POST, whatever the answer was.
/// </summary>
/// <remarks>
/// For example, 4 slots, of which 2 are the share of those that are not prompt:
/// <code>
/// a, silent, has ten       2 run; nothing is known of it, so that no more do
/// a second later           it is slow: those 2 still run, and no others
/// b has ten                1 runs, for of a receiver that is not known one always may; no second one, for a holds the share
/// b answers at once        it is prompt: its others run in the slots that a leaves
/// c, silent, has ten       1 runs; a second later it is slow too
/// all of theirs are over   a and c may hold one slot each
/// d and e are slow too     they take turns: who began longest ago and waits goes first, however much the others have
/// </code>
/// </remarks>
/// <param name="slots">How many there are.</param>
/// <param name="prompt">What takes longer is slow.</param>
/// <param name="time">The clock.</param>
internal sealed class ReceiverShares(int slots, TimeSpan prompt, TimeProvider time)
{
    // Callers choose the hosts.
    private const int MaxIdle = 1_000;

    private static readonly TimeSpan Lately = TimeSpan.FromMinutes(1);

    // At least one: where there are no others, a slot that stays free helps nobody.
    private readonly int _share = Math.Max(1, slots / 2);

    // Guards the receivers, and what is known of each.
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Receiver> _receivers = [];

    /// <summary>Told, under the lock, of a receiver that turns slow (true), or is so no more; it may not block.</summary>
    public Action<string, bool>? Turned { get; set; }

    /// <summary>Begins a POST, which is over when the turn is disposed. Null if its receiver may hold no more slots now.</summary>
    public Turn? TryBegin(string name, out bool isSlow)
    {
        lock (_lock)
        {
            var receiver = Find(name);
            receiver.LastUse = time.GetTimestamp();
            isSlow = Judged(receiver) == Mood.Slow;
            if (!MayBegin(receiver))
            {
                receiver.IsWaiting = true;
                receiver.Refused++;
                return null;
            }

            (receiver.IsWaiting, receiver.Begun) = (false, receiver.LastUse);
            var start = new Start { At = receiver.LastUse };
            receiver.Starts.Add(start);
            return new Turn(start, time, isTold => End(receiver, start, isTold));
        }
    }

    /// <summary>How often this receiver was refused in the last minute or two.</summary>
    public int RefusedLately(string name)
    {
        lock (_lock)
        {
            return _receivers.TryGetValue(name, out var receiver) ? receiver.Refused + receiver.RefusedBefore : 0;
        }
    }

    private bool MayBegin(Receiver receiver)
    {
        if (receiver.Mood == Mood.Prompt)
        {
            return true;
        }

        // What is put off comes again within that time: until then its receiver asks for its part.
        var (asking, unproven, held, before) = (0, 0, 0, 0);
        foreach (var other in _receivers.Values.Where(other => Judged(other) != Mood.Prompt))
        {
            unproven += other.Running;
            if (other.Mood == Mood.Slow && (other.Running > 0 || time.GetElapsedTime(other.LastUse) < CallbackPolicy.MaxPutOff))
            {
                asking++;
                held += other.Running;
                before += other.IsWaiting && other.Running == 0 && other.Begun < receiver.Begun ? 1 : 0;
            }
        }

        return receiver.Mood == Mood.Slow
            ? held + before < _share && receiver.Running < Math.Max(1, _share / asking)
            : receiver.Running == 0 || unproven < _share;
    }

    private void End(Receiver receiver, Start start, bool isTold)
    {
        lock (_lock)
        {
            receiver.Starts.Remove(start);
            receiver.LastUse = time.GetTimestamp();

            // One that is a little too late now and then is not told of each time.
            if (isTold && (receiver.Mood != Mood.Slow || time.GetElapsedTime(start.At) <= prompt / 2 || IsLong(start)))
            {
                Set(receiver, IsLong(start) || receiver.Starts.Any(IsLong) ? Mood.Slow : Mood.Prompt);
            }
        }
    }

    private Receiver Find(string name)
    {
        if (_receivers.TryGetValue(name, out var known))
        {
            if (time.GetElapsedTime(known.CountedSince) > Lately)
            {
                (known.CountedSince, known.RefusedBefore, known.Refused) = (time.GetTimestamp(), known.Refused, 0);
            }

            return known;
        }

        var idle = _receivers.Values.Where(receiver => receiver.Running == 0).ToList();
        if (idle.Count >= MaxIdle && idle.MinBy(receiver => receiver.LastUse) is { } oldest)
        {
            Set(oldest, Mood.Unknown);
            _receivers.Remove(oldest.Name);
        }

        return _receivers[name] = new Receiver(name) { CountedSince = time.GetTimestamp() };
    }

    private Mood Judged(Receiver receiver)
    {
        if (receiver.Starts.Any(IsLong))
        {
            Set(receiver, Mood.Slow);
        }

        return receiver.Mood;
    }

    private bool IsLong(Start start) => start.IsRunning && time.GetElapsedTime(start.At) > prompt;

    private void Set(Receiver receiver, Mood mood)
    {
        var before = receiver.Mood;
        receiver.Mood = mood;
        if (before != mood && (before == Mood.Slow || mood == Mood.Slow))
        {
            Turned?.Invoke(receiver.Name, mood == Mood.Slow);
        }
    }

    private enum Mood
    {
        Unknown,
        Prompt,
        Slow,
    }

    private sealed class Receiver(string name)
    {
        public string Name => name;

        public Mood Mood { get; set; }

        public List<Start> Starts { get; } = [];

        public int Running => Starts.Count;

        public long LastUse { get; set; }

        // When the last of it began, and whether another was refused since.
        public long Begun { get; set; }

        public bool IsWaiting { get; set; }

        public long CountedSince { get; set; }

        public int Refused { get; set; }

        public int RefusedBefore { get; set; }
    }
}

/// <summary>A POST that runs at a receiver, until it is disposed.</summary>
internal sealed class Turn(Start start, TimeProvider time, Action<bool> end) : IDisposable
{
    private bool _isTold;

    /// <summary>The receiver has answered and is to be asked again: what is waited until then is not its time. The slot is held meanwhile.</summary>
    public void Pause() => start.IsRunning = false;

    /// <summary>It is asked again.</summary>
    public void Resume() => (start.At, start.IsRunning) = (time.GetTimestamp(), true);

    /// <summary>The receiver has answered, or had the time to: how long it took tells of it. Without that, what was aborted or refused here tells nothing.</summary>
    public void Told() => _isTold = true;

    public void Dispose() => end(_isTold);
}

/// <summary>When a POST began.</summary>
internal sealed class Start
{
    private long _at;
    private volatile bool _isRunning = true;

    public long At
    {
        get => Interlocked.Read(ref _at);
        set => Interlocked.Exchange(ref _at, value);
    }

    public bool IsRunning
    {
        get => _isRunning;
        set => _isRunning = value;
    }
}
