using Confluent.Kafka;
using Connectors.Kafka.Ordering;
using Connectors.Testing;

namespace Connectors.Kafka.Tests.Delivery;

/// <summary>With a pattern topics come and go for ever.</summary>
public class PassingTopicsTests
{
    [Fact]
    public async Task What_is_told_of_topics_goes_some_time_after_them_and_that_of_the_others_stays()
    {
        await using var scene = await Scene.StartAsync();
        scene.Gateway.Functions = [ListedFunction.Wanting($"{scene.Topic}*", "receiver")];
        var clock = new MovableClock();
        await using var connector = await scene.RunConnectorAsync(clock, "topics", $"{scene.Topic}*");
        await scene.ProduceAsync("k", "stays");
        await scene.CommitsAllAsync(1, 1);
        List<string> passing = [.. Enumerable.Range(1, 8).Select(number => $"{scene.Topic}-reply-{number}")];
        passing.ForEach(topic => scene.Kafka.CreateTopic(topic));
        await ProduceAsync(scene, passing);
        foreach (var topic in passing)
        {
            await scene.CommitsAllAsync(1, 1, topic);
            await Eventually.HoldsAsync(async () => await AgeAsync(topic) is not null, "it is told how its partition stands");
        }

        passing.ForEach(scene.Kafka.DeleteTopic);
        foreach (var topic in passing)
        {
            await Eventually.HoldsAsync(async () => await AgeAsync(topic) is null, "its partition is no longer ours");
            Assert.Equal(1, await connector.MetricAsync($"connector_events_total{{topic=\"{topic}\",verdict=\"completed\"}}"));
            Assert.Equal(1, await connector.MetricAsync($"kafka_connector_events_total{{topic=\"{topic}\",verdict=\"completed\"}}"));
        }

        await Eventually.HoldsAsync(async () => await AgeAsync(scene.Topic) is not null, "the topic that stays is ours again after the group's rebalance");
        clock.Pass(TopicSeries.Kept);

        await Eventually.HoldsAsync(
            async () => !(await Scene.ScrapeAsync(connector.Metrics)).Contains($"topic=\"{scene.Topic}-reply-", StringComparison.Ordinal), "nothing is told of them any more");
        Assert.Equal(1, await connector.MetricAsync($"connector_events_total{{topic=\"{scene.Topic}\",verdict=\"completed\"}}"));
        Assert.Equal(1, await connector.MetricAsync($"kafka_connector_events_total{{topic=\"{scene.Topic}\",verdict=\"completed\"}}"));

        // One that is made again is told of from the beginning.
        scene.Kafka.CreateTopic(passing[0]);
        await Eventually.HoldsAsync(async () => await connector.MetricAsync($"kafka_connector_dead_letters_total{{topic=\"{passing[0]}\"}}") == 0, "it is told of again");

        Task<double?> AgeAsync(string topic) =>
            connector.MetricAsync($"kafka_connector_oldest_event_age_seconds{{group=\"{scene.Group}\",topic=\"{topic}\",partition=\"0\"}}");
    }

    // By a producer of its own: one that stays would look at the topics when they are gone, and make them.
    private static async Task ProduceAsync(Scene scene, IEnumerable<string> topics)
    {
        using var producer = Clients.Producer(scene.Kafka.BootstrapServers);
        await Task.WhenAll(topics.Select(topic => producer.ProduceAsync(topic, new Message<string?, byte[]?> { Value = "passes"u8.ToArray() })));
    }
}
