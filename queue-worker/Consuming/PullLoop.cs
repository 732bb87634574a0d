using Connectors.Streams.Nats;

namespace Connectors.QueueWorker.Consuming;

/// <summary>
/// Keeps the slots of one stream full. Slots that come free are asked for together, while earlier pulls are still being answered; while nothing waits, a pull
/// stands at each consumer for the next message.
/// </summary>
/// <remarks>
/// Two invariants. Each message that is asked for has a slot that was taken for it; and normal messages are asked for only while no high one waits: because
/// the consumer of high ones said so just now, or because a pull stands there unanswered. For example, 4 slots:
/// <code>
/// at start                high 4, at once          it has none:      the 4 are free again
/// high has none           normal 4, at once        it brings 1:      3 are free again, nothing waits
/// nothing waits           high 1, normal 2, stand  1 comes:          a slot of normal's runs it
/// a high one comes        its own slot runs it     more may follow:  the next free slots are for high ones first
/// </code>
/// One slot may be lent: where the pull for high ones stands with the last free slot, a normal message is asked for with it as well. If both come, the high
/// one is nakked. That pull is not made anew before nothing waits again.
/// </remarks>
internal sealed class PullLoop
{
    // How long an answer that no high one waits is good for.
    private static readonly TimeSpan AnswerAge = TimeSpan.FromMilliseconds(5);

    // Looks for consumers that can be asked again.
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private readonly StreamConsumer? _high;
    private readonly StreamConsumer _normal;
    private readonly Slots _slots;
    private readonly int _max;
    private readonly int _batch;
    private readonly Func<bool> _mayPull;
    private readonly Recheck _recheck;
    private readonly TimeProvider _time;
    private readonly Pump _pump;
    private readonly PullOrder _order = new();

    // Guards what follows, which the thread of the connection and those of ended work share.
    private readonly Lock _lock = new();
    private bool _isOn;
    private bool _isHighStanding;
    private bool _hasHighSlot;

    // Slots of high ones that were asked for and may still come. The consumer may know already that they will not, and this loop not have been told yet.
    private int _highSlots;
    private long? _noHighSince;
    private bool _isNormalEmpty;

    /// <summary>Creates the loop.</summary>
    /// <param name="consumers">One consumer, or the one of high priority and the one of normal.</param>
    /// <param name="slots">Where they run.</param>
    /// <param name="max">Most messages asked for at once.</param>
    /// <param name="mayPull">Whether anything is to be asked for now.</param>
    /// <param name="recheck">Asked for when a consumer seems to be gone.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">The log.</param>
    public PullLoop(IReadOnlyList<StreamConsumer> consumers, Slots slots, int max, Func<bool> mayPull, Recheck recheck, TimeProvider time, ILogger log)
    {
        (_high, _normal, _slots, _max, _mayPull, _recheck, _time) = (consumers.Count > 1 ? consumers[0] : null, consumers[^1], slots, max, mayPull, recheck, time);
        _batch = Math.Clamp(slots.Count / 4, 1, Math.Max(32, slots.Count / 64));
        _pump = new Pump(Fill, log);
        _slots.Freed = _pump.Run;
        _high?.Listen(new HighListener(this));
        _normal.Listen(new NormalListener(this));
    }

    /// <summary>Looks whether anything can be asked for.</summary>
    public void Wake() => _pump.Run();

    /// <summary>Pulls until told to stop. What was asked for then may still come.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        Switch(true);
        using var timer = new PeriodicTimer(Interval, _time);
        try
        {
            do
            {
                _pump.Run();
            }
            while (await timer.WaitForNextTickAsync(stopping));
        }
        catch (OperationCanceledException)
        {
            // Told to stop.
        }

        Switch(false);
    }

    private void Switch(bool isOn)
    {
        lock (_lock)
        {
            _isOn = isOn;
        }
    }

    private void Fill()
    {
        lock (_lock)
        {
            if (!_isOn || !_mayPull())
            {
                return;
            }

            var free = _slots.TryTake(_max);
            if (free == 0 && _hasHighSlot && _normal.Outstanding == 0 && _slots.Running < _slots.Count)
            {
                (_hasHighSlot, free) = (false, 1);
            }

            // While something is on its way already, a few slots may wait for more of them.
            if (free > 0)
            {
                _slots.PutBack(free < _batch && IsOnItsWay ? free : free - Ask(free));
            }
        }
    }

    // A pull for normal ones that stands there brings no high ones: where none stands for those, the first free slot asks.
    private bool IsOnItsWay => _highSlots > 0 || (_normal.Outstanding > 0 && (_high is null || _isHighStanding || !_isNormalEmpty));

    // How many of the free slots are in use now.
    private int Ask(int free)
    {
        if (_high is null)
        {
            return Pull(_normal, free, waits: true);
        }

        if (!_isHighStanding && (_noHighSince is not { } since || _time.GetElapsedTime(since) > AnswerAge))
        {
            var first = _isNormalEmpty ? 0 : Pull(_normal, _order.NormalFirst(free), waits: false);
            var high = Pull(_high, free - first, waits: false);
            _highSlots += high;
            return first + high;
        }

        return _isNormalEmpty ? Stand(free) : Pull(_normal, free, waits: false);
    }

    // Nothing waits: the next message of either kind is to come at once.
    private int Stand(int free)
    {
        var used = 0;
        if (!_hasHighSlot && (free > 1 || _normal.Outstanding > 0))
        {
            _hasHighSlot = _isHighStanding || StandHigh();
            used = _hasHighSlot ? 1 : 0;
        }
        else if (!_isHighStanding)
        {
            StandHigh();
        }

        return used + Pull(_normal, free - used, waits: true);
    }

    // What comes of a pull that stands there is told from what comes of others by being the only one.
    private bool StandHigh() => _isHighStanding = _highSlots == 0 && _high!.Outstanding == 0 && _high.TryPull(1, waits: true);

    private static int Pull(StreamConsumer consumer, int count, bool waits)
    {
        var asked = Math.Min(count, consumer.MaxBatch);
        return asked > 0 && consumer.TryPull(asked, waits) ? asked : 0;
    }

    private void Start(Delivery delivery)
    {
        lock (_lock)
        {
            _order.Took(1);
        }

        _slots.Start(delivery);
    }

    private void StartIfFree(Delivery delivery)
    {
        if (_slots.TryTake(1) > 0)
        {
            Start(delivery);
        }
        else
        {
            _slots.Nak(delivery);
        }
    }

    private void Release(int slots, PullEnd why)
    {
        if (why == PullEnd.Gone)
        {
            // Not to be asked again at once.
            _slots.PutBack(slots);
            _recheck.Request();
        }
        else
        {
            _slots.Release(slots);
        }
    }

    private sealed class NormalListener(PullLoop loop) : IPullListener
    {
        public void Delivered(Delivery delivery, bool wasAsked, int outstanding)
        {
            if (!wasAsked)
            {
                loop.StartIfFree(delivery);
                return;
            }

            loop.Start(delivery);
            if (outstanding == 0)
            {
                lock (loop._lock)
                {
                    loop._isNormalEmpty = false;
                }

                loop._pump.Run();
            }
        }

        public void Returned(int unused, PullEnd why, int outstanding)
        {
            lock (loop._lock)
            {
                loop._isNormalEmpty = why == PullEnd.Empty;
            }

            loop.Release(unused, why);
        }
    }

    private sealed class HighListener(PullLoop loop) : IPullListener
    {
        public void Delivered(Delivery delivery, bool wasAsked, int outstanding)
        {
            bool hasSlot;
            lock (loop._lock)
            {
                hasSlot = wasAsked && (!loop._isHighStanding || loop._hasHighSlot);
                loop._noHighSince = null;
                if (wasAsked && !loop._isHighStanding)
                {
                    loop._highSlots--;
                }
                else if (wasAsked)
                {
                    loop._isHighStanding = loop._hasHighSlot = false;
                }
            }

            if (hasSlot)
            {
                loop.Start(delivery);
            }
            else
            {
                loop.StartIfFree(delivery);
            }

            loop._pump.Run();
        }

        public void Returned(int unused, PullEnd why, int outstanding)
        {
            lock (loop._lock)
            {
                loop._noHighSince = why == PullEnd.Empty ? loop._time.GetTimestamp() : null;

                // What was asked for may have come, and this loop not have been told yet: then nothing is returned.
                if (loop._isHighStanding && unused > 0)
                {
                    unused = loop._hasHighSlot ? 1 : 0;
                    loop._isHighStanding = loop._hasHighSlot = false;
                }
                else
                {
                    loop._highSlots -= unused;
                }
            }

            loop.Release(unused, why);
        }
    }
}
