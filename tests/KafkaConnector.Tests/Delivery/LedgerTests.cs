using System.Globalization;
using System.Text;
using Confluent.Kafka;
using Connectors.Testing;

namespace Connectors.Kafka.Tests.Delivery;

/// <summary>
/// Three connectors of one group that are killed, leave and join, brokers that go away, a group that moves, and records that no function ever takes: at the
/// end a ledger in which every record stands once, as taken or as a dead letter, and every key in its order.
/// </summary>
public class LedgerTests(ITestOutputHelper output)
{
    private const int Brokers = 3;
    private const int Partitions = 6;
    private const int Keys = 60;
    private static readonly int Faults = Rounds.Of(usual: 3, many: 60);
    private static readonly int Events = 150 * (Faults + 1);

    // CONNECTORS_SEED=7 for another order of faults.
    private static readonly int Seed = int.Parse(Environment.GetEnvironmentVariable("CONNECTORS_SEED") ?? "1", CultureInfo.InvariantCulture);

    [Theory]
    [InlineData("range,roundrobin")]
    [InlineData("cooperative-sticky")]
    public async Task Every_record_has_its_end_whoever_comes_goes_or_dies(string strategy)
    {
        await using var scene = await Scene.StartAsync(Partitions, Brokers);
        scene.Kafka.CreateTopic($"{scene.Topic}.dead");
        var ledger = new FunctionLedger(scene.Gateway, async (delivery, http) =>
        {
            await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System, http.RequestAborted);
            return IsPoison(delivery.Text) ? 400 : 200;
        });
        string[] options = ["kafka_partition_assignment_strategy", strategy, "on_failure", "dead_letter", "kafka_reconnect_backoff_max_ms", "500"];
        await using var first = await scene.StartConnectorAsync(options);
        await using var second = await scene.StartConnectorAsync(options);
        await using var third = await ServiceProcess.StartAsync("KafkaConnector", scene.Environment(options), ready: false);
        for (var i = 0; i < Events; i++)
        {
            scene.Send($"k{i % Keys}", (i / Keys).ToString(CultureInfo.InvariantCulture));
        }

        await scene.FlushAsync();
        var (random, told) = (new Random(Seed), new List<string>());
        for (var fault = 1; fault <= Faults; fault++)
        {
            await RunsAsync(ledger, fault * Events / (Faults + 1));
            told.Add(await HappenAsync(scene, [first, second, third], ledger, random));
        }

        await Eventually.HoldsAsync(
            () => scene.Committed(Partitions).Sum(o => Math.Max(0, o)) == Events,
            () => $"all are committed; {string.Join(", ", scene.Committed(Partitions))} are, after {string.Join("; ", told)} with seed {Seed}\n{first.Process.Tail()}",
            Eventually.Patience * 2);
        var dead = Clients.ReadAll(scene.Kafka.BootstrapServers, $"{scene.Topic}.dead", 1).Select(Place).ToHashSet();
        Assert.Equal(Events, ledger.Taken + dead.Count);
        Assert.DoesNotContain(dead, d => ledger.IsTaken(d.Partition, d.Offset));
        Assert.Empty(ledger.OutOfOrder());
        output.WriteLine($"{strategy}, seed {Seed}: {string.Join("; ", told)}: {ledger.Taken} taken, {dead.Count} dead letters, {ledger.Count - Events} repeats");
    }

    private static bool IsPoison(string text) => int.Parse(text, CultureInfo.InvariantCulture) % 7 == 3;

    private static Task RunsAsync(FunctionLedger ledger, int deliveries) => Eventually.HoldsAsync(() => ledger.Count >= deliveries, () => $"{deliveries} deliveries; there are {ledger.Count}");

    // There may be nothing left to deliver, or only what the broker has that is away: then nothing comes.
    private static async Task RunsOnAsync(FunctionLedger ledger)
    {
        var (before, begun) = (ledger.Count, TimeProvider.System.GetTimestamp());
        await Eventually.HoldsAsync(() => ledger.Count > before || TimeProvider.System.GetElapsedTime(begun) > TimeSpan.FromSeconds(2), "a delivery, or a while");
    }

    private static async Task<string> HappenAsync(Scene scene, ServiceProcess[] connectors, FunctionLedger ledger, Random random)
    {
        var number = random.Next(connectors.Length);
        var broker = random.Next(Brokers) + 1;
        switch (random.Next(4))
        {
            case 0:
                await connectors[number].KillAsync();
                await connectors[number].StartAgainAsync(ready: false);
                return $"connector {number} killed";
            case 1:
                Assert.Equal(0, await connectors[number].TerminateAsync());
                await connectors[number].StartAgainAsync(ready: false);
                return $"connector {number} left and came back";
            case 2:
                scene.Kafka.StopBroker(broker);
                await RunsOnAsync(ledger);
                scene.Kafka.StartBroker(broker);
                return $"broker {broker} away";
            default:
                scene.Kafka.MoveGroup(scene.Group, broker);
                return $"group moved to broker {broker}";
        }
    }

    private static (int Partition, long Offset) Place(ConsumeResult<byte[]?, byte[]?> letter) => (
        int.Parse(Header(letter, "X-Dead-Partition"), CultureInfo.InvariantCulture),
        long.Parse(Header(letter, "X-Dead-Offset"), CultureInfo.InvariantCulture));

    private static string Header(ConsumeResult<byte[]?, byte[]?> letter, string name) => Encoding.UTF8.GetString(letter.Message.Headers.GetLastBytes(name));
}
