namespace Connectors.Streams.Nats;

/// <summary>
/// How many messages may still come of overlapping pulls. The server shares its messages out among them as it likes, so what counts is their sum: a message
/// fills the oldest pull that was sent, and what a pull's end says it lacks is taken off. The room for a pull's bytes is given back when it is full and has
/// ended: one that is full by our count may still be open at the server, and one that ended there may have messages on their way.
/// <code>
/// pull 1 of 4, pull 2 of 4        8
/// six messages                    2: pull 1 is full, pull 2 lacks 2
/// end of pull 1, it lacks 1       1: taken from pull 2
/// end of pull 2, it lacks 1       0
/// </code>
/// </summary>
internal sealed class OutstandingPulls
{
    private const long Unsent = long.MaxValue;

    private readonly List<PullRequest> _requests = [];

    // Full by our count; the server has not told their end yet.
    private readonly List<PullRequest> _full = [];
    private int _total;
    private long _last;
    private long _lastCleared;

    public int Total => Volatile.Read(ref _total);

    /// <summary>Whether any was sent. The server has no word for those that still wait for room.</summary>
    public bool HasSent => _requests.Exists(pull => pull.Deadline != Unsent);

    /// <summary>A pull that is to be sent.</summary>
    /// <param name="id">Its id, greater than those before.</param>
    /// <param name="count">How many it asks for.</param>
    public void Add(long id, int count)
    {
        _requests.Add(new PullRequest(id, count));
        _total += count;
        _last = id;
    }

    /// <summary>A pull is sent now. False, and it is not to be sent, if it was given up meanwhile.</summary>
    /// <param name="id">The pull.</param>
    /// <param name="deadline">When it has ended at the latest.</param>
    /// <param name="isEndTold">Whether the server tells its end even if it brings all that it asks for.</param>
    /// <param name="over">Told once when it is full and has ended, or is given up.</param>
    public bool Sent(long id, long deadline, bool isEndTold, Action over)
    {
        if (_requests.Find(pull => pull.Id == id) is not { } pull)
        {
            return false;
        }

        (pull.Deadline, pull.HasEnded, pull.Over) = (deadline, !isEndTold, over);
        return true;
    }

    /// <summary>Takes off messages that came. Fewer than came, if nobody asked for them.</summary>
    public int Take(int count)
    {
        var taken = 0;
        while (taken < count && _requests.Find(pull => pull.Deadline != Unsent) is { } oldest)
        {
            var part = Math.Min(count - taken, oldest.Left);
            oldest.Left -= part;
            taken += part;
            if (oldest.Left == 0)
            {
                _requests.Remove(oldest);
                if (oldest.HasEnded)
                {
                    oldest.Over?.Invoke();
                }
                else
                {
                    _full.Add(oldest);
                }
            }
        }

        _total -= taken;
        return taken;
    }

    /// <summary>A pull ended. Returns how many will not come for it.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="lacking">How many the server says it lacks; null if it does not say: all that we think it does.</param>
    public int End(long id, int? lacking)
    {
        if (id <= _lastCleared)
        {
            return 0;
        }

        LetGo(pull => pull.Id == id);
        var at = _requests.FindIndex(pull => pull.Id == id);
        var held = at < 0 ? 0 : _requests[at].Left;
        var unused = lacking ?? held;

        // Where the server counts otherwise than we, another pull has got the difference, or lacks it: perhaps one that we took for full.
        if (unused < held)
        {
            _requests[at] = new PullRequest(long.MaxValue, held - unused) { Deadline = _requests[at].Deadline, HasEnded = true, Over = _requests[at].Over };
            _total -= unused;
            return unused;
        }

        if (at >= 0)
        {
            _requests[at].Over?.Invoke();
            _requests.RemoveAt(at);
            _total -= held;
        }

        return held + Take(unused - held);
    }

    /// <summary>Ends all. Returns how many will not come.</summary>
    public int Clear()
    {
        var unused = _total;
        _requests.ForEach(pull => pull.Over?.Invoke());
        _requests.Clear();
        LetGo(_ => true);
        _total = 0;
        _lastCleared = _last;
        return unused;
    }

    /// <summary>A pull whose end should have come; null for none.</summary>
    public long? Overdue(long now) => _requests.Find(pull => pull.Deadline < now)?.Id;

    /// <summary>Waits no longer for the ends of full pulls that should have come.</summary>
    public void ForgetFull(long now) => LetGo(pull => pull.Deadline < now);

    private void LetGo(Predicate<PullRequest> which)
    {
        foreach (var pull in _full.FindAll(which))
        {
            _full.Remove(pull);
            pull.Over?.Invoke();
        }
    }

    private sealed class PullRequest(long id, int count)
    {
        public long Id => id;

        public long Deadline { get; set; } = Unsent;

        public bool HasEnded { get; set; }

        public Action? Over { get; set; }

        public int Left { get; set; } = count;
    }
}
