using System.Collections.Concurrent;
using Confluent.Kafka;

namespace Connectors.Kafka.Polling;

/// <summary>The partitions of ours that stand still, and why. Of the poll thread, but that anybody may clear those of a client that was left behind.</summary>
internal sealed class StandingPartitions(string group)
{
    private readonly ConcurrentDictionary<TopicPartition, Standing> _why = new();

    public bool IsEmpty => _why.IsEmpty;

    public IEnumerable<TopicPartition> Names => _why.Keys;

    /// <summary>Those of which nobody knows where they begin.</summary>
    public IEnumerable<TopicPartition> Unknown => _why.Where(s => s.Value == Standing.Unknown).Select(s => s.Key);

    public bool Contains(TopicPartition name) => _why.ContainsKey(name);

    public void Add(TopicPartition name, Standing why)
    {
        _why[name] = why;
        if (why == Standing.OutOfRange)
        {
            Metrics.OutOfRange(group, name);
        }
        else if (why == Standing.Remade)
        {
            Metrics.Remade(group, name);
        }
    }

    public void Remove(TopicPartition name)
    {
        if (_why.TryRemove(name, out _))
        {
            Metrics.GoesOn(group, name);
        }
    }

    public void Clear()
    {
        foreach (var name in _why.Keys)
        {
            Remove(name);
        }
    }

    /// <summary>All of them by the reason, for who asks whether the connector is ready.</summary>
    public override string ToString() =>
        string.Join("; ", _why.GroupBy(s => s.Value, s => s.Key).OrderBy(g => g.Key).Select(g => $"{Words(g.Key)}: {string.Join(", ", g.Select(p => $"{p.Topic}/{p.Partition.Value}"))}"));

    private static string Words(Standing why) => why switch
    {
        Standing.OutOfRange => "stored offset out of range",
        Standing.Remade => "topic deleted and made again",
        _ => "starting offset not known",
    };
}

/// <summary>Why a partition stands still.</summary>
internal enum Standing
{
    OutOfRange,
    Remade,
    Unknown,
}
