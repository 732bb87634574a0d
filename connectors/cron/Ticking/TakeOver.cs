using Connectors.Cron.Cursors;

namespace Connectors.Cron.Ticking;

/// <summary>Takes over the claim of a replica that fell silent or handed it back.</summary>
internal sealed class TakeOver(Line line, DateTimeOffset due, TickDuties duties) : Claiming(line, due, duties)
{
    protected override Task BeforeAsync(CancellationToken ct) => Task.CompletedTask;

    protected override async Task<bool> TryClaimAsync(CancellationToken ct)
    {
        if (await Duties.Claims.TakeOverAsync(Line.Entry, Due, ct) != ClaimResult.Won)
        {
            return false;
        }

        Metrics.TakenOver(Function);
        Log.TakenOver(Duties.Log, Function, Schedule, Due);
        return true;
    }

    protected override void Leave(bool isSettled) => Line.TakenOver(Due);
}
