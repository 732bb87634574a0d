namespace Connectors.Kafka.Ordering;

/// <summary>Events that wait until they may run again.</summary>
internal sealed class BackingOff(TimeProvider time)
{
    private readonly PriorityQueue<InFlight, long> _waiting = new();

    /// <summary>Time until the first may run again; infinite without any.</summary>
    public TimeSpan UntilDue =>
        _waiting.TryPeek(out _, out var due)
            ? TimeSpan.FromSeconds(Math.Max(0.001, (due - time.GetTimestamp()) / (double)time.TimestampFrequency))
            : Timeout.InfiniteTimeSpan;

    public void Add(InFlight record, TimeSpan after) =>
        _waiting.Enqueue(record, time.GetTimestamp() + (long)(after.TotalSeconds * time.TimestampFrequency));

    /// <summary>The next that may run again; null if there is none yet.</summary>
    public InFlight? TakeDue() => _waiting.TryPeek(out _, out var due) && due <= time.GetTimestamp() ? _waiting.Dequeue() : null;

    /// <summary>Forgets those of a partition: they are in memory no more.</summary>
    public void Forget(AssignedPartition partition)
    {
        var left = _waiting.UnorderedItems.Where(item => item.Element.Partition != partition).ToList();
        _waiting.Clear();
        _waiting.EnqueueRange(left);
    }
}
