using System.Globalization;
using Confluent.Kafka;
using Connectors.Testing;

namespace Connectors.Benchmarks.Whole;

/// <summary>
/// What running keys beside each other gains over running a partition's events one after the other, with the order of each key checked. The baselines
/// consume and call, and do nothing else.
/// </summary>
internal static class KafkaBenchmark
{
    private const string Bare = "a bare loop";
    private const string Partition = "partition";
    private const int Keys = 20;

    // 0 to 5 ms: what a function takes that has little to do.
    private const int MaxMilliseconds = 5;

    // About as many as run in it.
    private const int EventsForOneSecond = 300;
    private const int EventsByKeyForOneSecond = 3_000;

    internal static async Task<Report> RunAsync(BenchmarkRequest request)
    {
        using var kafka = MockKafka.Start();
        using var producer = new ProducerBuilder<string, string>(new ProducerConfig { BootstrapServers = kafka.BootstrapServers }).Build();
        var pipelines = new List<Pipeline>();
        var contestants = new List<Contestant>();
        await AddAsync(Build.Own, Bare, EventsForOneSecond, async (pipeline, topic) =>
            await pipeline.WithBaselineAsync("consume", $"{kafka.BootstrapServers},{topic},{pipeline.Function.Url}"));
        await AddAsync(Build.Own, "a bare loop, by key", EventsByKeyForOneSecond, async (pipeline, topic) =>
            await pipeline.WithBaselineAsync("consume by key", $"{kafka.BootstrapServers},{topic},{pipeline.Function.Url}"));
        foreach (var build in request.Builds)
        {
            await AddAsync(build, Partition, EventsForOneSecond, (pipeline, topic) => ConnectAsync(pipeline, topic, "partition"));
            await AddAsync(build, "key", EventsByKeyForOneSecond, (pipeline, topic) => ConnectAsync(pipeline, topic, "key"));
        }

        var report = await Contest.RunAsync(
            $"Kafka: one partition, {Keys} keys, a function of 0 to {MaxMilliseconds} ms", "events", [Bare, Partition], request, contestants);
        await Pipeline.EndAsync(pipelines);
        return report.Note("The broker is librdkafka's mock cluster, within the benchmark's own process. Bare loops call the function itself, the connector through the gateway. What fails is out of its key's order, or was run twice.");

        async Task AddAsync(Build build, string name, int eventsForOneSecond, Func<Pipeline, string, Task> completeAsync)
        {
            var topic = $"t{contestants.Count}";
            kafka.CreateTopic(topic);
            var pipeline = await Pipeline.StartAsync(build, withNats: false, maxMilliseconds: MaxMilliseconds);
            pipelines.Add(pipeline);
            await completeAsync(pipeline, topic);
            contestants.Add(new(build.Named(name), pipeline.Parts, duration => MeasureAsync(pipeline, producer, topic, (int)(eventsForOneSecond * duration.TotalSeconds))));
        }

        async Task ConnectAsync(Pipeline pipeline, string topic, string concurrency) =>
            await (await pipeline.WithGatewayAsync(topic)).WithConnectorAsync("KafkaConnector", new Dictionary<string, string>
            {
                ["topics"] = topic,
                ["broker_hosts"] = kafka.BootstrapServers,
                ["concurrency"] = concurrency,
            });
    }

    private static async Task<(Sample Sample, double Count)> MeasureAsync(Pipeline pipeline, IProducer<string, string> producer, string topic, int events)
    {
        var ran = await pipeline.DrainAsync(events, () => ProduceAsync(producer, topic, events));
        return (new Sample(ran["runs"] / ran.Time("seconds_ns").TotalSeconds, default, (long)ran["runs"] - events + (long)ran["astray"]), events);
    }

    // The ordinals of each key from 0 on, as the function wants them.
    private static async Task ProduceAsync(IProducer<string, string> producer, string topic, int events) =>
        await Task.WhenAll(Enumerable.Range(0, events).Select(i => producer.ProduceAsync(topic, new Message<string, string>
        {
            Key = (i % Keys).ToString(CultureInfo.InvariantCulture),
            Value = string.Create(CultureInfo.InvariantCulture, $"{i % Keys} {i / Keys}"),
        })));
}
