using Confluent.Kafka;

namespace Connectors.Kafka.Tests;

/// <summary>Plain clients of a cluster, for making and looking at what a test is about.</summary>
internal static class Clients
{
    public static IProducer<string?, byte[]?> Producer(string hosts, params string[] properties) =>
        new ProducerBuilder<string?, byte[]?>(With(new() { ["bootstrap.servers"] = hosts, ["linger.ms"] = "1" }, properties)).SetLogHandler((_, _) => { }).Build();

    public static IConsumer<byte[]?, byte[]?> Consumer(string hosts, string group, params string[] properties) =>
        new ConsumerBuilder<byte[]?, byte[]?>(With(new() { ["bootstrap.servers"] = hosts, ["group.id"] = group, ["enable.auto.commit"] = "false" }, properties))
            .SetLogHandler((_, _) => { })
            .Build();

    /// <summary>What a group has committed of a topic's partitions; -1001 for nothing.</summary>
    public static IReadOnlyList<long> Committed(string hosts, string group, string topic, int partitions, params string[] properties)
    {
        using var consumer = Consumer(hosts, group, properties);
        var names = Enumerable.Range(0, partitions).Select(partition => new TopicPartition(topic, partition));
        return [.. consumer.Committed(names, TimeSpan.FromSeconds(30)).OrderBy(c => c.Partition.Value).Select(c => c.Offset.Value)];
    }

    /// <summary>How many partitions a topic has; a broker that makes topics of its own accord makes it.</summary>
    public static int Partitions(string hosts, string topic, params string[] properties)
    {
        using var admin = new AdminClientBuilder(With(new() { ["bootstrap.servers"] = hosts }, properties)).SetLogHandler((_, _) => { }).Build();
        return admin.GetMetadata(topic, TimeSpan.FromSeconds(10)).Topics.Single().Partitions.Count;
    }

    /// <summary>Sets what a group has committed, as an operator's tool would.</summary>
    public static void Commit(string hosts, string group, string topic, int partition, long offset, params string[] properties)
    {
        using var consumer = Consumer(hosts, group, properties);
        consumer.Commit([new TopicPartitionOffset(topic, partition, offset)]);
    }

    /// <summary>Every record of a topic's partitions.</summary>
    public static IReadOnlyList<ConsumeResult<byte[]?, byte[]?>> ReadAll(string hosts, string topic, int partitions)
    {
        using var consumer = Consumer(hosts, "reader");
        var records = new List<ConsumeResult<byte[]?, byte[]?>>();
        for (var partition = 0; partition < partitions; partition++)
        {
            var name = new TopicPartition(topic, partition);
            var end = consumer.QueryWatermarkOffsets(name, TimeSpan.FromSeconds(30)).High;
            consumer.Assign(new TopicPartitionOffset(name, Offset.Beginning));
            for (var next = new Offset(0); next < end;)
            {
                if (consumer.Consume(TimeSpan.FromSeconds(30)) is not { } record)
                {
                    throw new TimeoutException($"{topic}/{partition} ends at {end}, and {next} does not come.");
                }

                records.Add(record);
                next = record.Offset + 1;
            }
        }

        return records;
    }

    private static Dictionary<string, string> With(Dictionary<string, string> properties, string[] more)
    {
        foreach (var pair in more.Chunk(2))
        {
            properties[pair[0]] = pair[1];
        }

        return properties;
    }
}
