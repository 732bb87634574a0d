using Confluent.Kafka;
using Connectors.Kafka.Client;
using Connectors.Kafka.Ordering;

namespace Connectors.Kafka.Committing;

/// <summary>Tells how each partition stands: lag, age, what is held. Takes gauges back when their partition is gone, and all that is told of a topic some time after it.</summary>
internal sealed class PartitionGauges(IConsumer<byte[]?, byte[]?> consumer, Backlog backlog, TimeProvider time, string group)
{
    // A paused partition is not fetched, so the client does not learn of its growth by itself.
    private static readonly TimeSpan AskEvery = TimeSpan.FromSeconds(5);

    // For how long one after the other is asked, those that were asked about longest ago first: a broker that is silent takes the whole of it. It is the limit
    // of each too, and not what is left of it: a broker that does not answer within moments is none that is gone, and the client would cut the connection.
    private static readonly TimeSpan AskFor = TimeSpan.FromSeconds(2);

    // Replaced and never changed: of a client that was left behind it is read beside the round.
    private volatile HashSet<TopicPartition> _told = [];
    private readonly Dictionary<TopicPartition, long> _asked = [];

    public void Tell()
    {
        var states = backlog.States();
        var began = time.GetTimestamp();
        foreach (var state in states.OrderBy(s => _asked.GetValueOrDefault(s.Partition.Name)))
        {
            var (name, high) = (state.Partition.Name, High(state, AskFor - time.GetElapsedTime(began)));
            Metrics.Stands(group, name, Lag(state, high), Age(state), state.DoneAhead);
        }

        Metrics.Holds(group, states.Count, states.Count(s => s.IsPaused), states.Sum(s => s.Held), backlog.HeldBytes);
        HashSet<TopicPartition> told = [.. states.Select(s => s.Partition.Name)];
        foreach (var gone in _told.Except(told))
        {
            Metrics.Gone(group, gone);
            _asked.Remove(gone);
        }

        _told = told;
        backlog.Topics.ForgetGone();
    }

    /// <summary>Takes back what it told, of a client that was left behind: others may have its partitions by now.</summary>
    public void Forget()
    {
        foreach (var name in _told)
        {
            Metrics.Gone(group, name);
        }
    }

    private static long? Lag(PartitionState state, WatermarkOffsets? marks)
    {
        if (marks is null || marks.High.IsSpecial)
        {
            return null;
        }

        // Before anything came of a partition without a committed offset, reading begins at its low end.
        var position = state.Position >= 0 ? state.Position : marks.Low.IsSpecial ? marks.High.Value : marks.Low.Value;
        return Math.Max(0, marks.High.Value - position);
    }

    private double Age(PartitionState state) => state.OldestAt is { } at ? time.GetElapsedTime(at).TotalSeconds : 0;

    private WatermarkOffsets? High(PartitionState state, TimeSpan left)
    {
        var name = state.Partition.Name;
        try
        {
            if (!state.IsPaused)
            {
                return BrokerQuery.Held(consumer.Handle, _ => consumer.GetWatermarkOffsets(name));
            }

            var now = time.GetTimestamp();
            if (left <= TimeSpan.Zero || (_asked.TryGetValue(name, out var last) && time.GetElapsedTime(last, now) < AskEvery))
            {
                return null;
            }

            _asked[name] = now;
            return consumer.AskWatermarks(name, AskFor);
        }
        catch (KafkaException)
        {
            return null;
        }
    }
}
