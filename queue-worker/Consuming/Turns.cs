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
