namespace Connectors.Kafka.Ordering;

/// <summary>Events that wait until they may run again.</summary>
internal sealed class BackingOff(TimeProvider time)
{
    private readonly PriorityQueue<KafkaReceived, long> _waiting = new();

    /// <summary>Time until the first may run again; infinite without any.</summary>
    public TimeSpan UntilDue =>
        _waiting.TryPeek(out _, out var due)
            ? TimeSpan.FromSeconds(Math.Max(0.001, (due - time.GetTimestamp()) / (double)time.TimestampFrequency))
            : Timeout.InfiniteTimeSpan;

    public void Add(KafkaReceived received, TimeSpan after) =>
        _waiting.Enqueue(received, time.GetTimestamp() + (long)(after.TotalSeconds * time.TimestampFrequency));

    /// <summary>The next that may run again; null if there is none yet. Those whose partition was closed are forgotten.</summary>
    public KafkaReceived? TakeDue()
    {
        while (_waiting.TryPeek(out var received, out var due) && (due <= time.GetTimestamp() || !received.Partition.IsOpen))
        {
            _waiting.Dequeue();
            if (received.Partition.IsOpen)
            {
                return received;
            }
        }

        return null;
    }
}
