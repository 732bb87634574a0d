using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Confluent.Kafka;
using Connectors.Testing;

namespace Connectors.Benchmarks.Whole;

/// <summary>What running keys in parallel gains over running partitions in parallel, with the order of each key checked.</summary>
internal static class KafkaBenchmark
{
    private const int Partitions = 1;
    private const int Keys = 20;
    private const int Events = 4_000;

    // 0 to 5 ms: what a function takes that has little to do.
    private const int MaxMilliseconds = 5;

    internal static async Task<Report> RunAsync()
    {
        var partition = await RunAsync("partition");
        var key = await RunAsync("key");

        return new Report($"Kafka: {Events} events, {Partitions} partitions, {Keys} keys, a function of 0 to {MaxMilliseconds} ms")
            .Row("concurrency", "events/s", "seconds", "times partition", "out of order")
            .Row("partition", Events / partition.Time.TotalSeconds, partition.Time.TotalSeconds, 1.0, partition.OutOfOrder)
            .Row("key", Events / key.Time.TotalSeconds, key.Time.TotalSeconds, partition.Time / key.Time, key.OutOfOrder)
            .Note("From the first call to the last answer. Connector, function and librdkafka's mock broker share the machine.");
    }

    private static async Task<(TimeSpan Time, int OutOfOrder)> RunAsync(string concurrency)
    {
        using var kafka = MockKafka.Start();
        kafka.CreateTopic("orders", Partitions);
        await ProduceAsync(kafka);
        var calls = new ConcurrentQueue<(string Key, int Ordinal)>();
        var watch = new Stopwatch();
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting("orders", "receiver"));
        var answered = 0;
        gateway.Answer = async (request, http) =>
        {
            watch.Start();
            var ordinal = int.Parse(request.Text, CultureInfo.InvariantCulture);
            calls.Enqueue((request.Header("X-Kafka-Key") ?? "", ordinal));
            if (ordinal % (MaxMilliseconds + 1) is > 0 and var milliseconds)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(milliseconds), TimeProvider.System, http.RequestAborted);
            }

            if (Interlocked.Increment(ref answered) == Events)
            {
                watch.Stop();
            }
        };

        await using var connector = await ServiceProcess.StartAsync("KafkaConnector", new Dictionary<string, string>
        {
            ["topics"] = "orders",
            ["broker_hosts"] = kafka.BootstrapServers,
            ["gateway_url"] = gateway.Url.AbsoluteUri,
            ["concurrency"] = concurrency,
            ["print_response"] = "false",
        });
        await Eventually.HoldsAsync(() => Volatile.Read(ref answered) >= Events, () => $"all events run:\n{connector.Process.Tail()}", TimeSpan.FromMinutes(5));
        return (watch.Elapsed, OutOfOrder(calls));
    }

    private static int OutOfOrder(IEnumerable<(string Key, int Ordinal)> calls) =>
        calls.GroupBy(call => call.Key).Sum(key => key.Zip(key.Skip(1)).Count(pair => pair.Second.Ordinal != pair.First.Ordinal + 1));

    private static async Task ProduceAsync(MockKafka kafka)
    {
        using var producer = new ProducerBuilder<string, string>(new ProducerConfig { BootstrapServers = kafka.BootstrapServers }).Build();
        await Task.WhenAll(Enumerable.Range(0, Events).Select(i => producer.ProduceAsync(
            "orders", new Message<string, string> { Key = $"k{i % Keys}", Value = (i / Keys).ToString(CultureInfo.InvariantCulture) })));
    }
}
