using Connectors.Cron.Cursors;

namespace Connectors.Cron.Ticking;

/// <summary>How a tick is claimed: anew, in the order of its schedule, or from a replica that fell silent.</summary>
internal abstract class Claiming(Line line, DateTimeOffset due, TickDuties duties)
{
    protected Line Line => line;

    protected DateTimeOffset Due => due;

    protected TickDuties Duties => duties;

    protected string Function => line.Entry.Function.ToString();

    protected string Schedule => line.Entry.Schedule.ToString();

    /// <summary>Whether the tick is ours to fire. False, too, when the cursors cannot be written: the source then comes to it again.</summary>
    public async ValueTask<bool> ClaimAsync(CancellationToken ct)
    {
        var isSettled = false;
        try
        {
            await BeforeAsync(ct);
            ct.ThrowIfCancellationRequested();

            // Not to be cancelled: a claim that was written and not heard of would be lost, if its call is one that is waited for.
            var isOurs = await TryClaimAsync(CancellationToken.None);
            isSettled = true;
            return isOurs;
        }
        catch (Exception fault) when (fault is not OperationCanceledException || !ct.IsCancellationRequested)
        {
            Metrics.CursorFailed();
            Log.ClaimFailed(duties.Log, Function, Schedule, due, fault.Message);
            return false;
        }
        finally
        {
            Leave(isSettled);
        }
    }

    protected abstract Task BeforeAsync(CancellationToken ct);

    protected abstract Task<bool> TryClaimAsync(CancellationToken ct);

    protected abstract void Leave(bool isSettled);
}
