using System.Globalization;

namespace Microsoft.Extensions.Time.Testing;

/// <summary>A clock that moves only when it is told to. Timers fire on the thread that moves it, after the clock has reached its new time.</summary>
public class FakeTimeProvider : TimeProvider
{
    // Guards the clock, the schedule and whether some thread is firing timers already.
    private readonly Lock _gate = new();
    private readonly SortedSet<Appointment> _schedule = [];
    private DateTimeOffset _now;
    private TimeSpan _autoAdvanceAmount;
    private TimeZoneInfo _localTimeZone = TimeZoneInfo.Utc;
    private long _timersSet;
    private bool _isFiring;

    public FakeTimeProvider()
        : this(new DateTimeOffset(2000, 1, 1, 0, 0, 0, TimeSpan.Zero))
    {
    }

    public FakeTimeProvider(DateTimeOffset startDateTime)
    {
        Start = _now = startDateTime;
    }

    public DateTimeOffset Start { get; }

    /// <summary>How far each <see cref="GetUtcNow"/> and <see cref="GetTimestamp"/> moves the clock, after reading it.</summary>
    public TimeSpan AutoAdvanceAmount
    {
        get => _autoAdvanceAmount;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, TimeSpan.Zero);
            _autoAdvanceAmount = value;
        }
    }

    public override TimeZoneInfo LocalTimeZone => _localTimeZone;

    /// <summary>Always 10,000,000: timestamps are the clock's own ticks.</summary>
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow()
    {
        DateTimeOffset read;
        lock (_gate)
        {
            read = _now;
            _now += _autoAdvanceAmount;
        }

        FireDue();
        return read;
    }

    public override long GetTimestamp() => GetUtcNow().Ticks;

    public void SetLocalTimeZone(TimeZoneInfo localTimeZone)
    {
        ArgumentNullException.ThrowIfNull(localTimeZone);
        _localTimeZone = localTimeZone;
    }

    /// <summary>Moves the clock forward to <paramref name="value"/> and fires what is due.</summary>
    public void SetUtcNow(DateTimeOffset value)
    {
        lock (_gate)
        {
            if (value < _now)
            {
                throw new ArgumentOutOfRangeException(nameof(value), $"Cannot go back in time. Current time is {_now}.");
            }

            _now = value;
        }

        FireDue();
    }

    /// <summary>Moves the clock forward by <paramref name="delta"/> and fires what is due.</summary>
    public void Advance(TimeSpan delta)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(delta, TimeSpan.Zero);
        lock (_gate)
        {
            _now += delta;
        }

        FireDue();
    }

    public override string ToString()
    {
        lock (_gate)
        {
            return _now.ToString("yyyy-MM-ddTHH:mm:ss.fff", CultureInfo.InvariantCulture);
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ArgumentNullException.ThrowIfNull(callback);
        var timer = new FakeTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Puts a timer on the schedule in place of what it had there; null takes it off. Fires it at once if it is due.</summary>
    internal void Schedule(FakeTimer timer, TimeSpan? dueTime)
    {
        lock (_gate)
        {
            Cancel(timer);
            if (dueTime is not { } span)
            {
                return;
            }

            Appoint(new Appointment(_now.Ticks + span.Ticks, _now.Ticks, _timersSet++, timer));
        }

        FireDue();
    }

    private void FireDue()
    {
        lock (_gate)
        {
            if (_isFiring)
            {
                // The thread that fires, perhaps this one further up its stack, looks again before it stops.
                return;
            }

            _isFiring = true;
        }

        try
        {
            while (TakeDue(out var appointment, out var now))
            {
                appointment.Timer.Fire();
                Repeat(appointment, now);
            }
        }
        catch
        {
            lock (_gate)
            {
                _isFiring = false;
            }

            throw;
        }
    }

    private bool TakeDue(out Appointment due, out long now)
    {
        lock (_gate)
        {
            now = _now.Ticks;
            due = _schedule.Min;
            _isFiring = _schedule.Count > 0 && due.Due <= now && _schedule.Remove(due);
            return _isFiring;
        }
    }

    private void Repeat(Appointment fired, long firedAt)
    {
        lock (_gate)
        {
            if (fired.Timer.Next != fired)
            {
                // Its callback changed or disposed it.
                return;
            }

            fired.Timer.Next = null;
            if (fired.Timer.Period > TimeSpan.Zero)
            {
                var from = _now.Ticks == firedAt ? fired.Due : _now.Ticks;
                Appoint(fired with { Due = from + fired.Timer.Period.Ticks, AppointedAt = _now.Ticks });
            }
        }
    }

    private void Appoint(Appointment appointment)
    {
        appointment.Timer.Next = appointment;
        _schedule.Add(appointment);
    }

    private void Cancel(FakeTimer timer)
    {
        if (timer.Next is { } planned)
        {
            _schedule.Remove(planned);
            timer.Next = null;
        }
    }
}
