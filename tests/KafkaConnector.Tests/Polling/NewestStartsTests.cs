using Confluent.Kafka;
using Connectors.Kafka.Client;
using Connectors.Kafka.Committing;
using Connectors.Kafka.Polling;
using Connectors.Kafka.Tests.Delivery;
using Connectors.Testing;

namespace Connectors.Kafka.Tests.Polling;

public class NewestStartsTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1_800_000_000);

    // Of a partition that begins at 10 and ends at 20.
    [Theory]
    [InlineData(15L, -1, 15L, "a record of a minute ago")]
    [InlineData(15L, 30, 15L, "of a producer whose clock is half an hour ahead")]
    [InlineData(15L, 120, 20L, "of one whose clock tells nothing")]
    [InlineData(5L, -1, 10L, "retention has taken it")]
    [InlineData(25L, -1, 20L, "it is part of a transaction that is open")]
    [InlineData(-1L, null, 20L, "there is none since")]
    [InlineData(12L, null, 20L, "a broker before 0.10.1 tells where a file begins")]
    public void Whose_end_nobody_knew_begins_with_the_first_record_since(long offset, int? minutes, long expected, string why)
    {
        var at = minutes is { } ahead ? Now.AddMinutes(ahead).ToUnixTimeMilliseconds() : -1;

        Assert.True(NewestStarts.Since(new WatermarkOffsets(10, 20), new TimedOffset(offset, at), Now) == expected, why);
    }

    [Fact]
    public async Task A_topic_of_which_an_offset_could_not_be_read_is_looked_up_again()
    {
        var name = new TopicPartition("orders", 0);
        using var kafka = MockKafka.Start();
        kafka.CreateTopic(name.Topic, 2);
        using var producer = Clients.Producer(kafka.BootstrapServers);
        await producer.ProduceAsync(name, new Message<string?, byte[]?> { Value = "x"u8.ToArray() });
        Clients.Commit(kafka.BootstrapServers, "readers", name.Topic, 1, 0);

        // Kafka 0.9 is told from later ones by this: an error stands with each partition, and none with all of them.
        using var consumer = Clients.Consumer(kafka.BootstrapServers, "readers", OldBroker.Properties);
        var firstLook = new FirstLook([name.Topic], TimeProvider.System);
        var committed = new GroupOffsets(consumer, firstLook.Seen);

        // To the next request for the group's offsets (9) it says that it still loads them (14).
        kafka.Fail(9, 14);
        Assert.False(Find().IsKnown);

        // A partition that is not there any more has no offset, and that is known.
        firstLook.Seen.Add([new TopicPartition(name.Topic, 7)]);
        var found = Find();
        Assert.True(found.IsKnown);

        // Others have read the topic, without a note: what has no offset is all new.
        Assert.Equal(0, found.Position);
        Assert.Null(found.Look);

        StartingOffset Find()
        {
            var deadline = new Deadline(TimeProvider.System, Eventually.Patience);
            var starts = new NewestStarts(consumer, committed, firstLook, [name], TimeProvider.System);
            starts.LookUp([name], deadline);
            return starts.Start(name, deadline);
        }
    }
}
