using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Consuming;

/// <summary>
/// Function mode: which functions this worker knows to have work, and whose turn it is. A lock guards all of it: hints, resyncs with the stream and ended calls
/// come from anywhere.
/// </summary>
/// <remarks>
/// Each function has a lane, a lane has a side for each priority, and a side is in exactly one <see cref="SideState"/>. The invariant: a side with work that
/// we know of is Ready (in <see cref="Turns"/>), Asked (being asked, and asked again if more was found meanwhile), Blocked (its function may run no more;
/// the next call that ends there makes it Ready), PutOff (its consumer is not there), or due at a known time. So no work is forgotten, and no side stands in line
/// twice.
/// <para/>
/// A slot is taken here before the broker is asked, and is given back by whoever asked if nothing came. For example, 4 slots; A has 10 calls, then B one:
/// <code>
/// hint of A     A is alone, its share is 4: asked for 4              A runs 4
/// A got 4       more may wait: A is Ready again                      A runs 4
/// hint of B     B is Ready behind A, no slot is free                 A runs 4
/// A's call ends share = ceil(4/2) + 1 = 3, which A has: B is asked   A runs 3, B 1
/// </code>
/// </remarks>
/// <param name="slots">All slots of this worker.</param>
/// <param name="create">Makes the lane of a function.</param>
/// <param name="open">Makes the side of a lane, with its consumer.</param>
internal sealed class FairScheduler(int slots, Func<FunctionName, FunctionLane> create, Func<FunctionLane, Priority, LaneSide> open)
{
    private static readonly TimeSpan MinPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan MaxPause = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly Dictionary<FunctionName, FunctionLane> _lanes = [];
    private readonly Turns _turns = new();
    private readonly PriorityQueue<(LaneSide Side, bool IsExpected), DateTimeOffset> _due = new();
    private int _active;
    private int _asked;

    /// <summary>Work was found. True if that was news.</summary>
    public bool Found(FunctionName function, Priority priority, DateTimeOffset now)
    {
        lock (_lock)
        {
            var side = Side(function, priority);
            side.LastFound = now;
            side.FoundMore |= side.State == SideState.Asked;
            return MakeReady(side);
        }
    }

    /// <summary>A message will come again at that time.</summary>
    public void Expect(LaneSide side, DateTimeOffset at)
    {
        lock (_lock)
        {
            _due.Enqueue((side, true), at);
        }
    }

    /// <summary>Whether anybody was asked who has not answered.</summary>
    public bool IsAsking => Volatile.Read(ref _asked) > 0;

    /// <summary>When the next message is expected again; null for none.</summary>
    public DateTimeOffset? NextDue
    {
        get
        {
            lock (_lock)
            {
                return _due.TryPeek(out _, out var at) ? at : null;
            }
        }
    }

    /// <summary>
    /// Takes free slots and says who is to be asked for how much: high priority first but for every tenth call, round-robin within, nobody above its fair
    /// share while others wait, nobody above what its function takes.
    /// </summary>
    public IReadOnlyList<(LaneSide Side, int Calls)> Plan(Slots free, int max, DateTimeOffset now)
    {
        lock (_lock)
        {
            WakeDue(now);
            if (_turns.Count == 0 || free.Free == 0)
            {
                return [];
            }

            var plan = new List<(LaneSide, int)>();
            var over = new List<LaneSide>();
            var share = FairShare.Max(slots, _active);
            while (_turns.Count + over.Count > 0 && free.TryTake(1) > 0)
            {
                if (Next(share, over) is not { } side)
                {
                    free.PutBack(1);
                    break;
                }

                var calls = FairShare.Now(free.Free + 1, _turns.Count, Math.Min(Math.Min(max, side.Consumer.MaxBatch), side.Lane.Room), share - side.Lane.SlotsTaken);
                var taken = 1 + free.TryTake(calls - 1);
                side.State = SideState.Asked;
                side.FoundMore = false;
                side.Lane.SlotsTaken += taken;
                _asked++;
                Count(side.Lane);
                _turns.Took(taken);
                plan.Add((side, taken));
            }

            over.ForEach(_turns.Enqueue);
            return plan;
        }
    }

    /// <summary>A call of a side was delivered and runs now.</summary>
    public void Started(LaneSide side, Envelope? call)
    {
        lock (_lock)
        {
            var lane = side.Lane;
            lane.Running++;

            // One below 1 would never let the function run again, nor tell us better. What is none of its calls, or of a newer version that is not understood, says
            // nothing of what it takes.
            if (call is not null && call.FunctionName == lane.Function)
            {
                lane.MaxInflight = call.MaxInflight is > 0 ? call.MaxInflight : slots;
            }

            side.EmptyPulls = 0;
        }
    }

    /// <summary>A call of a side ended.</summary>
    public void Ended(LaneSide side, Load load)
    {
        lock (_lock)
        {
            var lane = side.Lane;
            if (load == Load.Took)
            {
                lane.Limit?.Took(lane.Running);
            }
            else if (load == Load.Refused)
            {
                lane.Limit?.Refused(lane.Running);
            }

            lane.Running--;
            lane.SlotsTaken--;
            Unblock(lane);
            Count(lane);
        }
    }

    /// <summary>A side that was asked answered.</summary>
    /// <param name="side">The side.</param>
    /// <param name="unused">Slots that it did not fill.</param>
    /// <param name="isOver">Whether nothing more is to come of what was asked for.</param>
    /// <param name="why">Why it does not bring more.</param>
    /// <param name="now">The time.</param>
    public void Answered(LaneSide side, int unused, bool isOver, PullEnd why, DateTimeOffset now)
    {
        lock (_lock)
        {
            side.Lane.SlotsTaken -= unused;

            // While others of its pulls go on, what they bring is waited for; then it is asked again.
            side.FoundMore |= why == PullEnd.Gone;
            if (isOver)
            {
                side.State = SideState.Idle;
                _asked--;
                if (why == PullEnd.Gone)
                {
                    PutOff(side, now);
                }
                else if (why == PullEnd.HasMore || side.FoundMore)
                {
                    MakeReady(side);
                }
                else if (side.EmptyPulls is > 0 and < 6)
                {
                    // The server may be a moment later than its delay said.
                    _due.Enqueue((side, false), now + TimeSpan.FromMilliseconds(25 << side.EmptyPulls++));
                }
            }

            Unblock(side.Lane);
            Count(side.Lane);
        }
    }

    /// <summary>The consumer of a side is there.</summary>
    public void Bound(LaneSide side)
    {
        lock (_lock)
        {
            (side.Pause, side.Trouble) = (TimeSpan.Zero, null);
        }
    }

    /// <summary>What kept consumers from being made may be over for all of them: sides that are put off stand in line again.</summary>
    public void TryAgain()
    {
        lock (_lock)
        {
            foreach (var side in _lanes.Values.SelectMany(lane => lane.Sides))
            {
                side.Pause = TimeSpan.Zero;
                if (side.State == SideState.PutOff)
                {
                    side.State = SideState.Idle;
                    MakeReady(side);
                }
            }
        }
    }

    /// <summary>Sides without work whose consumers may be kept all the same, those first in which work was found the longest ago.</summary>
    public IReadOnlyList<LaneSide> Idle(int max)
    {
        lock (_lock)
        {
            return
            [
                .. _lanes.Values.SelectMany(lane => lane.Sides)
                    .Where(side => side is { State: SideState.Idle, Lane.SlotsTaken: 0, Consumer.MayBeKept: true }).OrderBy(side => side.LastFound).Take(max),
            ];
        }
    }

    /// <summary>Forgets functions without work for so long, and returns them.</summary>
    public IReadOnlyList<FunctionName> Forget(DateTimeOffset before)
    {
        lock (_lock)
        {
            var idle = _lanes.Values.Where(lane => !lane.IsActive && IsOld(lane.High) && IsOld(lane.Normal)).Select(lane => lane.Function).ToList();
            foreach (var function in idle)
            {
                _lanes.Remove(function, out var lane);
                lane?.High?.Consumer.Dispose();
                lane?.Normal?.Consumer.Dispose();
            }

            return idle;
        }

        bool IsOld(LaneSide? side) => side is null || side.LastFound < before;
    }

    /// <summary>What was learned of each function.</summary>
    public IReadOnlyList<(FunctionName Function, int Limit)> Limits
    {
        get
        {
            lock (_lock)
            {
                return [.. from lane in _lanes.Values let limit = lane.Limit where limit is not null select (lane.Function, limit.Current)];
            }
        }
    }

    private LaneSide Side(FunctionName function, Priority priority)
    {
        if (!_lanes.TryGetValue(function, out var lane))
        {
            _lanes[function] = lane = create(function);
        }

        return priority == Priority.High
            ? lane.High ??= open(lane, priority)
            : lane.Normal ??= open(lane, priority);
    }

    private bool MakeReady(LaneSide side)
    {
        if (side.State != SideState.Idle)
        {
            return false;
        }

        side.State = SideState.Ready;
        _turns.Enqueue(side);
        Count(side.Lane);
        return true;
    }

    // One retry, and later each time: what keeps a consumer from being made may do so for hours.
    private void PutOff(LaneSide side, DateTimeOffset now)
    {
        side.State = SideState.PutOff;
        side.EmptyPulls = 0;
        side.Pause = side.Pause == TimeSpan.Zero ? MinPause : side.Pause * 2 < MaxPause ? side.Pause * 2 : MaxPause;
        side.RetryAt = now + side.Pause;
        _due.Enqueue((side, false), side.RetryAt);
    }

    private void Count(FunctionLane lane)
    {
        if (lane.IsCounted != lane.IsActive)
        {
            lane.IsCounted = lane.IsActive;
            _active += lane.IsCounted ? 1 : -1;
        }
    }

    private void Unblock(FunctionLane lane)
    {
        Unblock(lane.High, lane.Room);
        Unblock(lane.Normal, lane.Room);
    }

    private void Unblock(LaneSide? side, int room)
    {
        if (side is { State: SideState.Blocked } && room > 0)
        {
            side.State = SideState.Idle;
            MakeReady(side);
        }
    }

    private void WakeDue(DateTimeOffset now)
    {
        while (_due.TryPeek(out var due, out var at) && at <= now)
        {
            _due.Dequeue();
            var side = due.Side;

            // One that was forgotten meanwhile has no consumer any more: nobody would hear an answer. What comes of it is found by the resync.
            if (_lanes.GetValueOrDefault(side.Lane.Function) == side.Lane)
            {
                if (side.State == SideState.PutOff && at >= side.RetryAt)
                {
                    side.State = SideState.Idle;
                }

                side.EmptyPulls = due.IsExpected ? 1 : side.EmptyPulls;
                side.FoundMore |= side.State == SideState.Asked;
                MakeReady(side);
            }
        }
    }

    private LaneSide? Next(int share, List<LaneSide> over)
    {
        while (_turns.Dequeue() is { } side)
        {
            if (side.Lane.Room <= 0)
            {
                side.State = SideState.Blocked;
            }
            else if (side.Lane.SlotsTaken >= share)
            {
                over.Add(side);
            }
            else
            {
                return side;
            }
        }

        // Nobody is left but those that have their share already: no slot is left idle for fairness. The other side of a function may have taken its room.
        while (over.Count > 0)
        {
            var first = over[0];
            over.RemoveAt(0);
            if (first.Lane.Room > 0)
            {
                return first;
            }

            first.State = SideState.Blocked;
        }

        return null;
    }
}
