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
/// </code>
/// </remarks>
/// <param name="slots">How many there are.</param>
/// <param name="prompt">What takes longer is slow.</param>
/// <param name="time">The clock.</param>
internal sealed class ReceiverShares(int slots, TimeSpan prompt, TimeProvider time)
{
    // Callers choose the hosts.
    private const int MaxIdle = 1_000;

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
                return null;
            }

            var start = receiver.Starts.AddLast(receiver.LastUse);
            return new Turn(isTold => End(receiver, start, isTold));
        }
    }

    private bool MayBegin(Receiver receiver)
    {
        if (receiver.Mood == Mood.Prompt)
        {
            return true;
        }

        // What is put off comes again within that time: until then its receiver asks for its part.
        var (asking, unproven, held) = (0, 0, 0);
        foreach (var other in _receivers.Values.Where(other => Judged(other) != Mood.Prompt))
        {
            unproven += other.Running;
            if (other.Mood == Mood.Slow && (other.Running > 0 || time.GetElapsedTime(other.LastUse) < CallbackPolicy.MaxPutOff))
            {
                asking++;
                held += other.Running;
            }
        }

        return receiver.Mood == Mood.Slow
            ? held < _share && receiver.Running < Math.Max(1, _share / asking)
            : receiver.Running == 0 || unproven < _share;
    }

    private void End(Receiver receiver, LinkedListNode<long> start, bool isTold)
    {
        lock (_lock)
        {
            receiver.Starts.Remove(start);
            receiver.LastUse = time.GetTimestamp();
            if (isTold)
            {
                Set(receiver, IsLong(start) || IsLong(receiver.Starts.First) ? Mood.Slow : Mood.Prompt);
            }
        }
    }

    private Receiver Find(string name)
    {
        if (_receivers.TryGetValue(name, out var known))
        {
            return known;
        }

        var idle = _receivers.Values.Where(receiver => receiver.Running == 0).ToList();
        if (idle.Count >= MaxIdle && idle.MinBy(receiver => receiver.LastUse) is { } oldest)
        {
            Set(oldest, Mood.Unknown);
            _receivers.Remove(oldest.Name);
        }

        return _receivers[name] = new Receiver(name);
    }

    private Mood Judged(Receiver receiver)
    {
        if (IsLong(receiver.Starts.First))
        {
            Set(receiver, Mood.Slow);
        }

        return receiver.Mood;
    }

    private bool IsLong(LinkedListNode<long>? start) => start is not null && time.GetElapsedTime(start.Value) > prompt;

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

        // When those began that run, the oldest first.
        public LinkedList<long> Starts { get; } = new();

        public int Running => Starts.Count;

        public long LastUse { get; set; }
    }
}

/// <summary>A POST that runs at a receiver, until it is disposed.</summary>
internal sealed class Turn(Action<bool> end) : IDisposable
{
    private bool _isTold;

    /// <summary>The receiver has answered, or had the time to: how long it took tells of it. Without that, what was aborted or refused here tells nothing.</summary>
    public void Told() => _isTold = true;

    public void Dispose() => end(_isTold);
}
