using Confluent.Kafka;
using Prometheus;

namespace Connectors.Kafka;

/// <summary>Every metric of the Kafka connector. The first three are OpenFaaS's.</summary>
internal static class Metrics
{
    private static readonly string[] GroupLabel = ["group"];
    private static readonly string[] TopicLabel = ["topic"];
    private static readonly string[] PartitionLabels = ["group", "topic", "partition"];
    private static readonly string[] MemberLabels = ["group", "topic", "partition", "member_id"];
    private static readonly string[] Verdicts = ["completed", "dead_letter", "skipped", "unwanted", "abandoned", "too_late"];
    private static readonly string[] Parts = ["key", "timestamp", "headers"];

    private static readonly Counter ConnectTotal = Prometheus.Metrics.CreateCounter(
        "kafka_connector_consumer_group_connect", "Assignments that the group gave us.", GroupLabel);

    private static readonly Counter ConsumedTotal = Prometheus.Metrics.CreateCounter(
        "kafka_connector_messages_consumed", "Records read.", MemberLabels);

    private static readonly Gauge LastOffset = Prometheus.Metrics.CreateGauge(
        "kafka_connector_messages_offset", "Offset of the record read last.", MemberLabels);

    private static readonly Counter EventTotal = Prometheus.Metrics.CreateCounter(
        "kafka_connector_events_total",
        "Events by end: completed, dead_letter, skipped, unwanted (no function wants the topic), abandoned (stopped or partition taken away), too_late (done after its partition was let go).",
        ["topic", "verdict"]);

    private static readonly Histogram EventSeconds = Prometheus.Metrics.CreateHistogram(
        "kafka_connector_event_duration_seconds",
        "From reading an event to its end, waiting and retries included.",
        TopicLabel,
        new HistogramConfiguration { Buckets = [.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600] });

    private static readonly Counter RetryTotal = Prometheus.Metrics.CreateCounter("kafka_connector_retries_total", "Runs that will be repeated.", TopicLabel);

    private static readonly Counter DeadLetterTotal = Prometheus.Metrics.CreateCounter("kafka_connector_dead_letters_total", "Dead letters written.", TopicLabel);

    private static readonly Counter DeadLetterFailureTotal = Prometheus.Metrics.CreateCounter(
        "kafka_connector_dead_letter_failures_total", "Dead letters that the brokers did not take.", TopicLabel);

    private static readonly Counter RebalanceTotal = Prometheus.Metrics.CreateCounter(
        "kafka_connector_rebalances_total", "Changes of the assignment: assigned, revoked, lost.", ["group", "kind"]);

    private static readonly Counter CommitTotal = Prometheus.Metrics.CreateCounter(
        "kafka_connector_commits_total", "Commit requests: ok or failed; both if the brokers refused a part.", ["result"]);

    private static readonly Counter DroppedCommitTotal = Prometheus.Metrics.CreateCounter(
        "kafka_connector_commits_dropped_total", "Finished offsets not committed, because their partition was lost.");

    private static readonly Counter ErrorTotal = Prometheus.Metrics.CreateCounter(
        "kafka_connector_errors_total", "Errors of the client, by librdkafka's code.", ["code"]);

    private static readonly Gauge Assigned = Prometheus.Metrics.CreateGauge("kafka_connector_assigned_partitions", "Partitions that are ours.", GroupLabel);

    private static readonly Gauge Paused = Prometheus.Metrics.CreateGauge("kafka_connector_paused_partitions", "Partitions with enough events in memory.", GroupLabel);

    private static readonly Gauge Held = Prometheus.Metrics.CreateGauge(
        "kafka_connector_held_events", "Events in memory: waiting, running, backing off.", GroupLabel);

    private static readonly Gauge HeldBytes = Prometheus.Metrics.CreateGauge(
        "kafka_connector_held_bytes", "Bytes of the events in memory: values, keys and headers.", GroupLabel);

    private static readonly Gauge PartitionLag = Prometheus.Metrics.CreateGauge(
        "kafka_connector_lag", "Records from the lowest unfinished one to the partition's end.", PartitionLabels);

    private static readonly Gauge PartitionAge = Prometheus.Metrics.CreateGauge(
        "kafka_connector_oldest_event_age_seconds", "Time since the lowest unfinished event was read; 0 without one.", PartitionLabels);

    private static readonly Gauge PartitionDoneAhead = Prometheus.Metrics.CreateGauge(
        "kafka_connector_done_ahead_events", "Events that are done above the lowest unfinished one: they run again after a restart or a rebalance.", PartitionLabels);

    private static readonly Gauge PartitionOutOfRange = Prometheus.Metrics.CreateGauge(
        "kafka_connector_offset_out_of_range", "1 while a partition stands still because the brokers do not have its offset.", PartitionLabels);

    private static readonly Gauge PartitionRemade = Prometheus.Metrics.CreateGauge(
        "kafka_connector_topic_remade", "1 while a partition stands still because its topic was deleted and made again.", PartitionLabels);

    private static readonly Counter DroppedPartTotal = Prometheus.Metrics.CreateCounter(
        "kafka_connector_dropped_parts_total", "Records delivered without a part that does not fit a request: key, timestamp, headers.", ["topic", "part"]);

    private static readonly Counter ReducedDeadLetterTotal = Prometheus.Metrics.CreateCounter(
        "kafka_connector_dead_letters_reduced_total", "Dead letters written without headers, key or value, because the brokers took them for too large.", TopicLabel);

    /// <summary>Shows what can be counted of a topic before anything is: an increase is seen only from one sample to the next.</summary>
    public static void Begin(string topic) => DeadLetterTotal.WithLabels(topic).Publish();

    /// <summary>A topic that is here no more, nor any event of it.</summary>
    public static void Forget(string topic)
    {
        foreach (var verdict in Verdicts)
        {
            EventTotal.RemoveLabelled(topic, verdict);
        }

        foreach (var part in Parts)
        {
            DroppedPartTotal.RemoveLabelled(topic, part);
        }

        EventSeconds.RemoveLabelled(topic);
        foreach (var counter in new[] { RetryTotal, DeadLetterTotal, DeadLetterFailureTotal, ReducedDeadLetterTotal })
        {
            counter.RemoveLabelled(topic);
        }
    }

    public static void Connected(string group) => ConnectTotal.WithLabels(group).Inc();

    public static void Consumed(string group, TopicPartition partition, string member, long offset)
    {
        var number = partition.Partition.Value.ToString();
        ConsumedTotal.WithLabels(group, partition.Topic, number, member).Inc();
        LastOffset.WithLabels(group, partition.Topic, number, member).Set(offset);
    }

    public static void Ended(string topic, string verdict) => EventTotal.WithLabels(topic, verdict).Inc();

    public static void Took(string topic, TimeSpan duration) => EventSeconds.WithLabels(topic).Observe(duration.TotalSeconds);

    public static void Retried(string topic) => RetryTotal.WithLabels(topic).Inc();

    public static void DeadLettered(string topic) => DeadLetterTotal.WithLabels(topic).Inc();

    public static void DeadLetterFailed(string topic) => DeadLetterFailureTotal.WithLabels(topic).Inc();

    public static void Rebalanced(string group, string kind) => RebalanceTotal.WithLabels(group, kind).Inc();

    public static void Committed(string result) => CommitTotal.WithLabels(result).Inc();

    public static void CommitsDropped(int partitions) => DroppedCommitTotal.Inc(partitions);

    public static void Failed(ErrorCode code) => ErrorTotal.WithLabels(code.ToString()).Inc();

    public static void Holds(string group, int assigned, int paused, int held, long bytes)
    {
        Assigned.WithLabels(group).Set(assigned);
        Paused.WithLabels(group).Set(paused);
        Held.WithLabels(group).Set(held);
        HeldBytes.WithLabels(group).Set(bytes);
    }

    public static void Stands(string group, TopicPartition partition, long? lag, double age, long doneAhead)
    {
        var number = partition.Partition.Value.ToString();
        PartitionAge.WithLabels(group, partition.Topic, number).Set(age);
        PartitionDoneAhead.WithLabels(group, partition.Topic, number).Set(doneAhead);
        if (lag is { } records)
        {
            PartitionLag.WithLabels(group, partition.Topic, number).Set(records);
        }
    }

    public static void OutOfRange(string group, TopicPartition partition) =>
        PartitionOutOfRange.WithLabels(group, partition.Topic, partition.Partition.Value.ToString()).Set(1);

    public static void Remade(string group, TopicPartition partition) =>
        PartitionRemade.WithLabels(group, partition.Topic, partition.Partition.Value.ToString()).Set(1);

    /// <summary>A partition stands still no more, or is no longer ours.</summary>
    public static void GoesOn(string group, TopicPartition partition)
    {
        var number = partition.Partition.Value.ToString();
        PartitionOutOfRange.RemoveLabelled(group, partition.Topic, number);
        PartitionRemade.RemoveLabelled(group, partition.Topic, number);
    }

    public static void Dropped(string topic, IEnumerable<string> parts)
    {
        foreach (var part in parts)
        {
            DroppedPartTotal.WithLabels(topic, part.ToLowerInvariant()).Inc();
        }
    }

    public static void DeadLetterReduced(string topic) => ReducedDeadLetterTotal.WithLabels(topic).Inc();

    /// <summary>A member reads a partition no more. Each joining of the group gives another name, so what is told under it would pile up.</summary>
    public static void Unread(string group, TopicPartition partition, string member)
    {
        var number = partition.Partition.Value.ToString();
        ConsumedTotal.RemoveLabelled(group, partition.Topic, number, member);
        LastOffset.RemoveLabelled(group, partition.Topic, number, member);
    }

    /// <summary>A partition that is no longer ours has no lag here.</summary>
    public static void Gone(string group, TopicPartition partition)
    {
        var number = partition.Partition.Value.ToString();
        PartitionLag.RemoveLabelled(group, partition.Topic, number);
        PartitionAge.RemoveLabelled(group, partition.Topic, number);
        PartitionDoneAhead.RemoveLabelled(group, partition.Topic, number);
    }
}
