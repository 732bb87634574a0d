using Connectors.Sdk.Events;

namespace Connectors.Kafka.Ordering;

/// <summary>
/// What metrics tell of topics by their names. With patterns among <c>topics</c> these come and go for ever; so what is told of one goes some time after its last
/// partition here was let go and the last of its events ended. A rebalance may bring it back before that, and what happened last is to be seen.
/// </summary>
internal sealed class TopicSeries(TimeProvider time)
{
    /// <summary>For how long it stays.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromMinutes(10);

    // Guards the topics and what is told of them: of none that begins just then anything is forgotten.
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Told> _topics = [];

    /// <summary>A partition of the topic is read from now on.</summary>
    public void Begin(AssignedPartition partition)
    {
        var topic = partition.Name.Topic;
        lock (_gate)
        {
            if (!_topics.TryGetValue(topic, out var told))
            {
                _topics[topic] = told = new Told();
            }

            told.Partitions.Add(partition);
            told.LastAt = time.GetTimestamp();
            Metrics.Begin(topic);
        }
    }

    /// <summary>Forgets the topics that have been gone for so long.</summary>
    public void ForgetGone()
    {
        lock (_gate)
        {
            var now = time.GetTimestamp();
            foreach (var (topic, told) in _topics)
            {
                told.Partitions.RemoveAll(partition => partition.Idle.IsCompleted);
                if (told.Partitions.Count > 0)
                {
                    told.LastAt = now;
                }
                else if (time.GetElapsedTime(told.LastAt, now) >= Kept)
                {
                    _topics.Remove(topic);
                    Metrics.Forget(topic);
                    TopicMetrics.Forget(topic);
                }
            }
        }
    }

    private sealed class Told
    {
        /// <summary>Those that are read, and those that were let go and of which an event still runs.</summary>
        public List<AssignedPartition> Partitions { get; } = [];

        /// <summary>When there was one the last time.</summary>
        public long LastAt { get; set; }
    }
}
