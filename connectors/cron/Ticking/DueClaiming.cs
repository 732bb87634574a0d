using Connectors.Cron.Cursors;

namespace Connectors.Cron.Ticking;

/// <summary>Claims a tick that is due, and with it drops those before it that were missed.</summary>
internal sealed class DueClaiming : Claiming
{
    private readonly int _missed;
    private readonly Task<bool> _before;
    private readonly TaskCompletionSource<bool> _claimed;

    public DueClaiming(Line line, DateTimeOffset due, int missed, TickDuties duties)
        : base(line, due, duties)
    {
        _missed = missed;
        line.Begin(due, out _before, out _claimed);
    }

    protected override async Task BeforeAsync(CancellationToken ct)
    {
        if (!await _before.WaitAsync(ct))
        {
            throw new InvalidOperationException("the tick before it could not be claimed");
        }
    }

    protected override async Task<bool> TryClaimAsync(CancellationToken ct)
    {
        var result = await Duties.Claims.TakeAsync(Line.Entry, Due, ct);
        if (result != ClaimResult.Lost && _missed > 0)
        {
            Metrics.Missed(Function, _missed);
            Log.Missed(Duties.Log, Function, Schedule, _missed);
        }

        if (result == ClaimResult.Overlaps)
        {
            Metrics.Overlapped(Function);
            Log.Overlapped(Duties.Log, Function, Schedule, Due);
        }

        return result == ClaimResult.Won;
    }

    protected override void Leave(bool isSettled)
    {
        Line.Claimed(Due);
        _claimed.TrySetResult(isSettled);
    }
}
