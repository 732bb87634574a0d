namespace Connectors.QueueWorker.Consuming;

/// <summary>How many slots one function may hold. Pure arithmetic.</summary>
internal static class FairShare
{
    /// <summary>All when it is alone; a little more than its part while others wait, so that nobody idles for want of one call.</summary>
    /// <param name="slots">All slots.</param>
    /// <param name="active">Functions that run or wait.</param>
    public static int Most(int slots, int active) => active <= 1 ? slots : Math.Min(slots, ((slots + active - 1) / active) + 1);

    /// <summary>How many calls to ask for now.</summary>
    /// <param name="free">Free slots.</param>
    /// <param name="ready">Others that stand in the queue behind it.</param>
    /// <param name="room">How many it may still start.</param>
    public static int Now(int free, int ready, int room) => Math.Min(room, Math.Max(1, free / (ready + 1)));
}
