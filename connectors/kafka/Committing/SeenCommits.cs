using System.Collections.Immutable;
using Confluent.Kafka;

namespace Connectors.Kafka.Committing;

/// <summary>
/// Of which partitions this process knows that the group had committed an offset, for its whole life. One of them that has none later has lost it: its topic
/// was deleted and made again, or somebody deleted the offset.
/// </summary>
internal sealed class SeenCommits
{
    private ImmutableHashSet<TopicPartition> _all = [];

    /// <summary>All that are known at this moment.</summary>
    public ImmutableHashSet<TopicPartition> All => Volatile.Read(ref _all);

    public void Add(IEnumerable<TopicPartition> partitions) => ImmutableInterlocked.Update(ref _all, (all, more) => all.Union(more), partitions);

    /// <summary>Forgets all partitions of some topics.</summary>
    public void Forget(IReadOnlySet<string> topics) => ImmutableInterlocked.Update(ref _all, (all, gone) => all.Except(all.Where(name => gone.Contains(name.Topic))), topics);
}
