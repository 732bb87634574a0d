using Confluent.Kafka;

namespace Connectors.Kafka.Polling;

/// <summary>Partitions of which nothing has come since they began. Belongs to the poll thread.</summary>
internal sealed class SilentPartitions(TimeProvider time)
{
    // A partition brings a record or its end as soon as it is begun. The first request may wait for another one's answer, each for a minute
    // (socket.timeout.ms); what takes longer is asked for anew by the client itself.
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(2);

    // And when they began.
    private readonly Dictionary<TopicPartition, long> _begun = [];
    private long _looked;

    /// <summary>It begins in this moment.</summary>
    public void Add(TopicPartition name) => _begun[name] = time.GetTimestamp();

    /// <summary>Something came of it, or it is ours no more.</summary>
    public void Remove(TopicPartition name)
    {
        if (_begun.Count > 0)
        {
            _begun.Remove(name);
        }
    }

    /// <summary>Those that have been silent for longer than the client itself would let them. They are told once.</summary>
    public IReadOnlyList<TopicPartition> TakeOverdue()
    {
        if (_begun.Count == 0 || time.GetElapsedTime(_looked) < Every)
        {
            return [];
        }

        _looked = time.GetTimestamp();
        List<TopicPartition> overdue = [.. from begun in _begun where time.GetElapsedTime(begun.Value) >= Limit select begun.Key];
        overdue.ForEach(name => _begun.Remove(name));
        return overdue;
    }
}
