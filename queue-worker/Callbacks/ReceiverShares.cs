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

    // How often a receiver is named that is slow now and then.
    private static readonly TimeSpan NameAgain = TimeSpan.FromMinutes(1);

    // At least one: where there are no others, a slot that stays free helps nobody.
    private readonly int _share = Math.Max(1, slots / 2);

    // Guards the receivers, and what is known of each.
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Receiver> _receivers = [];

    /// <summary>
    /// Told, under the lock, of a receiver that turns slow (true), or is so no more; and whether that is worth a line, which it is once a minute at most. It may
    /// not block.
    /// </summary>
    public Action<string, bool, bool>? Turned { get; set; }

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
            var turn = new Turn(time, (ended, isTold) => End(receiver, ended, isTold));
            receiver.Turns.Add(turn);
            return turn;
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

    private void End(Receiver receiver, Turn turn, bool isTold)
    {
        lock (_lock)
        {
            receiver.Turns.Remove(turn);
            receiver.LastUse = time.GetTimestamp();
            if (isTold)
            {
                Set(receiver, IsLong(turn) || receiver.Turns.Exists(IsLong) ? Mood.Slow : Mood.Prompt);
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
        if (receiver.Turns.Exists(IsLong))
        {
            Set(receiver, Mood.Slow);
        }

        return receiver.Mood;
    }

    private bool IsLong(Turn turn) => turn.Took > prompt;

    private void Set(Receiver receiver, Mood mood)
    {
        var before = receiver.Mood;
        receiver.Mood = mood;
        if (before == mood || (before != Mood.Slow && mood != Mood.Slow))
        {
            return;
        }

        var isNews = mood == Mood.Slow && (receiver.Named is not { } last || time.GetElapsedTime(last) > NameAgain);
        receiver.Named = isNews ? time.GetTimestamp() : receiver.Named;
        Turned?.Invoke(receiver.Name, mood == Mood.Slow, isNews);
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

        public List<Turn> Turns { get; } = [];

        public int Running => Turns.Count;

        public long LastUse { get; set; }

        // When the last of it began, and whether another was refused since.
        public long Begun { get; set; }

        public bool IsWaiting { get; set; }

        public long? Named { get; set; }

        public long CountedSince { get; set; }

        public int Refused { get; set; }

        public int RefusedBefore { get; set; }
    }
}
