using Confluent.Kafka;
using Connectors.Kafka.Client;
using Connectors.Testing;

namespace Connectors.Kafka.Tests;

public class BrokerQueryTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    [Fact]
    public void A_partition_whose_records_have_no_times_tells_of_none()
    {
        using var kafka = MockKafka.Start();
        kafka.CreateTopic("orders");
        using var consumer = Clients.Consumer(kafka.BootstrapServers, "readers");

        // To the next request for offsets by time (2) the broker says that the topic's message format has none (43).
        kafka.Fail(2, 43);

        Assert.Equal(new TimedOffset(-1, -1), consumer.AskFirstSince(new TopicPartition("orders", 0), since: 1, Eventually.Patience));
    }

    [Fact]
    public async Task A_client_that_is_closed_while_something_is_asked_stays_until_that_has_ended()
    {
        using var kafka = MockKafka.Start();
        kafka.CreateTopic("orders");
        kafka.MoveLeader("orders", 0, null);
        for (var round = 0; round < 3; round++)
        {
            using var consumer = new ConsumerBuilder<byte[]?, byte[]?>(new Dictionary<string, string> { ["bootstrap.servers"] = kafka.BootstrapServers, ["group.id"] = "readers" })
                .SetLogHandler((_, _) => { }).Build();
            consumer.Subscribe("orders");
            consumer.Consume(TimeSpan.Zero);
            var asking = new TaskCompletionSource();
            var asked = Blocking.RunAsync(
                () => BrokerQuery.Held(consumer.Handle, _ =>
                {
                    asking.SetResult();
                    return consumer.QueryWatermarkOffsets(new TopicPartition("orders", 0), Limit);
                }),
                "test-asks");
            await asking.Task;

            consumer.Close();

            await Assert.ThrowsAsync<KafkaException>(() => asked);
            Assert.Equal(ErrorCode.Local_Destroy, Assert.Throws<KafkaException>(() => consumer.AskWatermarks(new TopicPartition("orders", 0), Limit)).Error.Code);
        }
    }
}
