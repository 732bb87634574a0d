using System.Text;
using Connectors.Cron.Cursors;
using Connectors.Cron.Schedules;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Sdk.Events;

namespace Connectors.Cron.Ticking;

/// <summary>
/// One due instant of one schedule, as an event. Claimed before its call, so that of all replicas one fires it. A call that is waited for is made once at
/// most; one that is enqueued is repeated under the same id until it is stored, by another replica if this one dies.
/// </summary>
internal sealed class Tick : Received
{
    private static readonly TimeSpan LeastWait = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan MostWait = TimeSpan.FromSeconds(5);

    private readonly Entry _entry;
    private readonly DateTimeOffset _due;
    private readonly Claiming _claiming;
    private readonly TickDuties _duties;
    private Beating? _beating;

    public Tick(Entry entry, DateTimeOffset due, Claiming claiming, TickDuties duties)
        : base(Content(entry, due))
    {
        (_entry, _due, _claiming, _duties) = (entry, due, claiming, duties);

        // Enqueued in the order in which they are due; runs that are waited for may overlap.
        OrderKey = entry.Policy.Asynchronous ? entry.Key : null;
    }

    private string Function => _entry.Function.ToString();

    public override async ValueTask<bool> BeginAsync(CancellationToken ct)
    {
        if (!await _claiming.ClaimAsync(ct))
        {
            return false;
        }

        Metrics.Late(_duties.Time.GetUtcNow() - _due - _entry.Delay);
        _beating = new Beating(_duties.Claims, _entry.Key, _due, _duties.Time);
        return true;
    }

    public override async ValueTask CompleteAsync(CancellationToken ct)
    {
        Metrics.Fired(Function, succeeded: true);
        await EndAsync(ct);
    }

    public override async ValueTask<TimeSpan?> FailAsync(Outcome outcome, int attempt, CancellationToken ct)
    {
        if (_entry.Policy.Asynchronous && IsTransient(outcome) && _duties.Time.GetUtcNow() - _due - _entry.Delay < Patience)
        {
            return BackOff.Delay(BackOffKind.Exponential, attempt, LeastWait, MostWait, _duties.Random);
        }

        Metrics.Fired(Function, succeeded: false);
        if (_entry.Policy.Asynchronous)
        {
            Log.GivenUp(_duties.Log, Function, _entry.Schedule.ToString(), _due, outcome.Status, attempt);
        }

        await EndAsync(ct);
        return null;
    }

    public override async ValueTask AbandonAsync(CancellationToken ct)
    {
        await StopBeatingAsync();
        await (_entry.Policy.Asynchronous ? _duties.InsistAsync(c => _duties.Claims.HandBackAsync(_entry.Key, _due, c), ct) : EndAsync(ct));
    }

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

    // How long a call that the gateway does not take is repeated: as long as a tick may be late.
    private TimeSpan Patience =>
        _entry.Policy.CatchUp == CatchUp.None || _entry.Policy.CatchUpWindow < _entry.Policy.MisfireThreshold ? _entry.Policy.MisfireThreshold : _entry.Policy.CatchUpWindow;

    // A gateway that knows no such function, or refuses the body, will not change its mind.
    private static bool IsTransient(Outcome outcome) => outcome.Kind != OutcomeKind.Failed || outcome.Status is >= 500 or 408 or 425 or 429;

    private async Task EndAsync(CancellationToken ct)
    {
        await StopBeatingAsync();
        await _duties.InsistAsync(c => _duties.Claims.EndAsync(_entry.Key, _due, c), ct);
    }

    private Task StopBeatingAsync() => _beating?.StopAsync() ?? Task.CompletedTask;
}
