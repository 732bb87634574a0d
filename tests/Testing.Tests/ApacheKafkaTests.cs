using System.Net.Sockets;

namespace Connectors.Testing.Tests;

public class ApacheKafkaTests
{
    [Fact]
    public async Task Keeps_its_topics_and_its_port_over_a_kill()
    {
        await using var kafka = await ApacheKafka.StartAsync("auto.create.topics.enable=false");
        await kafka.CreateTopicAsync("orders", partitions: 3);
        await Eventually.HoldsAsync(async () => (await KafkaMetadata.AskAsync(kafka.BootstrapServers)).Leaders["orders"].SequenceEqual([0, 0, 0]), "the topic has leaders");

        await kafka.KillAsync();
        await Assert.ThrowsAsync<SocketException>(() => KafkaMetadata.AskAsync(kafka.BootstrapServers));
        await kafka.StartAgainAsync();

        await Eventually.HoldsAsync(async () => (await KafkaMetadata.AskAsync(kafka.BootstrapServers)).Leaders["orders"].SequenceEqual([0, 0, 0]), "the topic is back");
    }

    [Fact]
    public async Task A_topic_that_cannot_be_made_is_told()
    {
        await using var kafka = await ApacheKafka.StartAsync();

        var fault = await Assert.ThrowsAsync<InvalidOperationException>(() => kafka.CreateTopicAsync("no/topic"));

        Assert.Contains("no/topic", fault.Message, StringComparison.Ordinal);
    }
}
