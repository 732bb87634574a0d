using System.Globalization;
using Connectors.Testing;

namespace Connectors.Kafka.Tests.Delivery;

/// <summary>At least once and in order, whatever moment the connector dies at.</summary>
public class KilledTests(ITestOutputHelper output)
{
    private const int Partitions = 6;
    private const int Keys = 60;
    private static readonly int Kills = Rounds.Of(usual: 3, many: 20);
    private static readonly int Events = Rounds.Of(usual: 300, many: 1_000) * Kills;

    [Fact]
    public async Task Killed_again_and_again_it_loses_nothing_keeps_order_and_commits_nothing_undone()
    {
        await using var scene = await Scene.StartAsync(Partitions);
        var random = new Random(20);
        var failing = new Random(5);
        var ledger = new FunctionLedger(scene.Gateway, (_, _) =>
        {
            lock (failing)
            {
                return Task.FromResult(failing.NextDouble() < 0.05 ? 500 : 200);
            }
        });
        await ProduceAsync(scene);
        await using var connector = await scene.StartConnectorAsync();

        for (var kill = 1; kill <= Kills; kill++)
        {
            var moment = Math.Min(ledger.Count + random.Next(1, 2 * Events / Kills), Events);
            await Eventually.HoldsAsync(() => ledger.Count >= moment || ledger.Taken == Events, $"{moment} deliveries, at kill {kill}; there are {ledger.Count}");
            await connector.KillAsync();
            AssertNothingUndoneIsCommitted(scene, ledger);
            await connector.StartAgainAsync(ready: false);
        }

        await Eventually.HoldsAsync(() => ledger.Taken == Events, $"all events are taken; {ledger.Taken} are");
        await scene.CommitsAllAsync(Partitions, Events);
        Assert.Empty(ledger.OutOfOrder());
        AssertNothingUndoneIsCommitted(scene, ledger);
        output.WriteLine($"{ledger.Count} deliveries of {Events} events over {Kills} kills");
    }

    private static void AssertNothingUndoneIsCommitted(Scene scene, FunctionLedger ledger)
    {
        var committed = scene.Committed(Partitions);
        for (var partition = 0; partition < Partitions; partition++)
        {
            Assert.Empty(ledger.NotTakenBelow(partition, committed[partition]));
        }
    }

    private static async Task ProduceAsync(Scene scene)
    {
        var ordinals = new int[Keys];
        var order = new Random(3);
        for (var i = 0; i < Events; i++)
        {
            var key = order.Next(Keys);
            scene.Send($"k{key}", (ordinals[key]++).ToString(CultureInfo.InvariantCulture));
        }

        await scene.FlushAsync();
    }
}
