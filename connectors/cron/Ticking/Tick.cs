using System.Text;
using Connectors.Cron.Cursors;
using Connectors.Cron.Schedules;
using Connectors.Sdk.Events;
using Connectors.Sdk.Invocation;
using Microsoft.Extensions.Logging;

namespace Connectors.Cron.Ticking;

/// <summary>
/// One due instant of one schedule, as an event. Claimed before its call, so that of all replicas one fires it. A call that is waited for is run once at
/// most, and sent again only while no function has seen it; one that is enqueued is repeated under the same id until it is stored, by another replica if this
/// one dies.
/// </summary>
internal sealed class Tick : Received
{
    private static readonly TimeSpan MinWait = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(5);

    private readonly Entry _entry;
    private readonly DateTimeOffset _due;
    private readonly Func<CancellationToken, Task<Lease?>> _claim;
    private readonly Action _leave;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private Lease? _lease;
    private long _begun;
    private int _ends;

    /// <param name="entry">The schedule.</param>
    /// <param name="due">The instant.</param>
    /// <param name="claim">Claims it; null if it is not ours.</param>
    /// <param name="leave">Told once when it has come to its end, called or not: the next of its schedule may go out.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">Where it tells what became of it.</param>
    public Tick(Entry entry, DateTimeOffset due, Func<CancellationToken, Task<Lease?>> claim, Action leave, TimeProvider time, ILogger log)
        : base(Content(entry, due))
    {
        (_entry, _due, _claim, _leave, _time, _log) = (entry, due, claim, leave, time, log);

        // Enqueued in the order in which they are due; runs that are waited for may overlap.
        OrderKey = entry.Policy.Asynchronous ? entry.Key : null;
    }

    private string Function => _entry.Function.ToString();

    private TimeSpan Lateness => _time.GetUtcNow() - _due - _entry.Delay;

    // How long a call that the gateway does not take is repeated: as long as a tick may be late.
    private TimeSpan Patience =>
        _entry.Policy.CatchUp == CatchUp.None || _entry.Policy.CatchUpWindow < _entry.Policy.MisfireThreshold ? _entry.Policy.MisfireThreshold : _entry.Policy.CatchUpWindow;

    // How long one that is waited for has been due; of one that may be caught up with, how long it has been tried, for it may have been late before.
    private TimeSpan Tried => _entry.Policy.CatchUp == CatchUp.None ? Lateness : _time.GetElapsedTime(_begun);

    public override async ValueTask<bool> BeginAsync(CancellationToken ct)
    {
        try
        {
            _lease = await _claim(ct);
        }
        finally
        {
            if (_lease is null)
            {
                Leave();
            }
        }

        if (_lease is not null)
        {
            _begun = _time.GetTimestamp();
            Metrics.Late(Lateness);
        }

        return _lease is not null;
    }

    public override async ValueTask CompleteAsync(CancellationToken ct)
    {
        Metrics.Fired(Function, succeeded: true, _time.GetUtcNow());
        await EndAsync(ct);
    }

    public override async ValueTask<TimeSpan?> FailAsync(Outcome outcome, int attempt, CancellationToken ct)
    {
        if (MayRepeat(outcome))
        {
            return BackOff.Delay(attempt, MinWait, MaxWait);
        }

        Metrics.Fired(Function, succeeded: false, _time.GetUtcNow());
        if (_entry.Policy.Asynchronous)
        {
            Log.GivenUp(_log, Function, _entry.Schedule.ToString(), _due, outcome.Status, attempt);
        }

        await EndAsync(ct);
        return null;
    }

    public override async ValueTask AbandonAsync(CancellationToken ct) => await LeaveAfterAsync(_entry.Policy.Asynchronous ? _lease?.HandBackAsync(ct) : _lease?.EndAsync(ct));

    private static Event Content(Entry entry, DateTimeOffset due) => new()
    {
        Id = $"cron:{entry.Id}:{Cursor.Text(due)}",
        Topic = Annotations.Topic,
        Body = Encoding.UTF8.GetBytes(entry.Body),
        ContentType = entry.ContentType,
        Headers = [new Header("X-Cron-Due", Cursor.Text(due))],
        Time = due,
        Source = $"/cron/{entry.Function}",
        Type = "connectors.cron.tick",
        Target = entry.Function,
        Asynchronous = entry.Policy.Asynchronous,
    };

    // Of a call that is waited for a function must not hear twice; and it holds its slot meanwhile.
    private bool MayRepeat(Outcome outcome) =>
        _entry.Policy.Asynchronous ? IsTransient(outcome) && Lateness < Patience : outcome.IsUnseen && Tried < _entry.Policy.MisfireThreshold;

    // A gateway that knows no such function, or refuses the body, will not change its mind.
    private static bool IsTransient(Outcome outcome) => outcome.Kind != OutcomeKind.Failed || outcome.Status is >= 500 or 408 or 425 or 429;

    private Task EndAsync(CancellationToken ct) => LeaveAfterAsync(_lease?.EndAsync(ct));

    private async Task LeaveAfterAsync(Task? lastWrite)
    {
        try
        {
            await (lastWrite ?? Task.CompletedTask);
        }
        finally
        {
            Leave();
        }
    }

    private void Leave()
    {
        if (Interlocked.Increment(ref _ends) == 1)
        {
            _leave();
        }
    }
}
