using Confluent.Kafka;
using Connectors.Testing;

namespace Connectors.Kafka.Tests.Delivery;

/// <summary><c>initial_offset=newest</c> skips what was there at first, however often and by whomever the start is asked for, and nothing else.</summary>
public class NewestTests
{
    [Fact]
    public async Task A_partition_whose_end_is_found_late_is_not_read_from_its_beginning()
    {
        await using var scene = await SilentAsync();
        var ledger = new FunctionLedger(scene.Gateway, (_, _) => Task.FromResult(200));
        await using var connector = await scene.BeginConnectorAsync("initial_offset", "newest");
        await OneEndIsCommittedAsync(scene, connector);

        await SpeakAsync(scene, connector);

        await scene.CommitsAllAsync(2, 7);
        Assert.Equal("late", Assert.Single(ledger.Deliveries).Text);
    }

    [Fact]
    public async Task Nor_is_one_whose_end_another_process_did_not_find()
    {
        await using var scene = await SilentAsync();
        var ledger = new FunctionLedger(scene.Gateway, (_, _) => Task.FromResult(200));
        await using (var first = await scene.BeginConnectorAsync("initial_offset", "newest"))
        {
            await OneEndIsCommittedAsync(scene, first);
        }

        await using var connector = await scene.BeginConnectorAsync("initial_offset", "newest");
        await connector.SaysAsync("do not say where the partition begins");
        await SpeakAsync(scene, connector);

        await scene.CommitsAllAsync(2, 7);
        Assert.Equal("late", Assert.Single(ledger.Deliveries).Text);
    }

    [Fact]
    public async Task A_topic_that_was_read_and_is_made_again_is_read_from_its_beginning()
    {
        await using var scene = await Scene.StartAsync();
        var ledger = new FunctionLedger(scene.Gateway, (_, _) => Task.FromResult(200));
        await using var connector = await scene.RunConnectorAsync("initial_offset", "newest");
        await ProduceAsync(scene, "old");
        await scene.CommitsAllAsync(1, 1);

        // The mock brokers forget the group's offsets with the topic, as those from 2.4 on do.
        scene.Kafka.DeleteTopic(scene.Topic);
        await connector.SaysAsync("what=revoked");
        scene.Kafka.CreateTopic(scene.Topic);
        await ProduceAsync(scene, "first");

        await Eventually.HoldsAsync(
            () => ledger.Deliveries.Any(d => d.Text == "first"), () => $"it is read; the log says\n{string.Join('\n', connector.Lines.TakeLast(30))}");
    }

    // A topic with old records, of which the first partition has no leader.
    private static async Task<Scene> SilentAsync()
    {
        var scene = await Scene.StartAsync(partitions: 2);
        for (var i = 0; i < 6; i++)
        {
            await scene.ProduceAsync("k", "old", partition: i % 2);
        }

        scene.Kafka.MoveLeader(scene.Topic, 0, broker: null);
        return scene;
    }

    private static async Task OneEndIsCommittedAsync(Scene scene, RunningConnector connector)
    {
        await connector.SaysAsync("do not say where the partition begins");
        await Eventually.HoldsAsync(() => scene.Committed(2)[1] == 3, "the end of the other is committed");
    }

    private static async Task SpeakAsync(Scene scene, RunningConnector connector)
    {
        scene.Kafka.MoveLeader(scene.Topic, 0, broker: 1);
        await connector.IsReadyAsync();
        await scene.ProduceAsync("k", "late", partition: 0);
    }

    // By a producer of its own: one that stays would look at the topic while it is not there, and make it.
    private static async Task ProduceAsync(Scene scene, string text)
    {
        using var producer = Clients.Producer(scene.Kafka.BootstrapServers);
        await producer.ProduceAsync(scene.Topic, new Message<string?, byte[]?> { Value = System.Text.Encoding.UTF8.GetBytes(text) });
    }
}
