namespace Connectors.QueueWorker.Consuming;

/// <summary>High before normal, but every tenth call normal first, so that high ones cannot starve the rest. Pure arithmetic over what was taken so far.</summary>
internal sealed class PullOrder
{
    private const int Turn = 10;

    private int _sinceTurn;

    /// <summary>How many of the next so many calls are to be taken from the normal ones first.</summary>
    public int NormalFirst(int calls) => (_sinceTurn + calls) / Turn;

    /// <summary>Says how many were taken.</summary>
    public void Took(int calls) => _sinceTurn = (_sinceTurn + calls) % Turn;
}
