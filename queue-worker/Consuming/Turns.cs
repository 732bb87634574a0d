using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Consuming;

/// <summary>Who is to be asked next: round-robin within a priority, high before normal but for every tenth call.</summary>
internal sealed class Turns
{
    private readonly Queue<LaneSide> _high = new();
    private readonly Queue<LaneSide> _normal = new();
    private readonly PullOrder _order = new();

    /// <summary>How many stand in line.</summary>
    public int Count => _high.Count + _normal.Count;

    public void Enqueue(LaneSide side) => (side.Priority == Priority.High ? _high : _normal).Enqueue(side);

    /// <summary>The next in line; null for none.</summary>
    public LaneSide? Dequeue()
    {
        var isNormalsTurn = _order.NormalFirst(1) > 0;
        return isNormalsTurn && _normal.TryDequeue(out var normal) ? normal : _high.TryDequeue(out var high) ? high : _normal.TryDequeue(out normal) ? normal : null;
    }

    /// <summary>Says how many calls the last one in line took.</summary>
    public void Took(int calls) => _order.Took(calls);
}

/// <summary>High before normal, but every tenth call normal first, so that high ones cannot starve the rest. Pure arithmetic over what was taken so far.</summary>
/// <remarks>
/// A normal call is due in every tenth turn, wherever the pulls happen to cut the row of calls:
/// <code>
/// taken so far 7, 5 free:   (7 + 5) / 10 = 1 normal first, then 4 high     7 h + n h h h h = 12
/// taken so far 12, 5 free:  (2 + 5) / 10 = 0 normal first, then 5 high
/// </code>
/// </remarks>
internal sealed class PullOrder
{
    private const int Turn = 10;

    private int _sinceTurn;

    /// <summary>How many of the next so many calls are to be taken from the normal ones first.</summary>
    public int NormalFirst(int calls) => (_sinceTurn + calls) / Turn;

    /// <summary>Says how many were taken.</summary>
    public void Took(int calls) => _sinceTurn = (_sinceTurn + calls) % Turn;
}

/// <summary>How many slots one function may hold. Pure arithmetic.</summary>
internal static class FairShare
{
    /// <summary>All when it is alone; a little more than its part while others wait, so that nobody idles for want of one call.</summary>
    /// <param name="slots">All slots.</param>
    /// <param name="active">Functions that run or wait.</param>
    public static int Max(int slots, int active) => active <= 1 ? slots : Math.Min(slots, ((slots + active - 1) / active) + 1);

    /// <summary>How many calls to ask for now.</summary>
    /// <param name="free">Free slots.</param>
    /// <param name="ready">Others that stand in the queue behind it.</param>
    /// <param name="room">How many it may still start.</param>
    /// <param name="share">What is left of its share: asked for at once, for each request costs as much as a call.</param>
    public static int Now(int free, int ready, int room, int share) => Math.Min(room, Math.Max(Math.Clamp(share, 1, free), free / (ready + 1)));
}
