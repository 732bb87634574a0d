using Confluent.Kafka;
using Connectors.Kafka.Committing;
using Connectors.Kafka.Ordering;
using Connectors.Kafka.Polling;
using Connectors.Sdk.Hosting;
using Connectors.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Connectors.Kafka.Tests.Polling;

public class PollLoopTests
{
    private static readonly TopicPartition Name = new("orders", 0);

    [Fact]
    public async Task A_partition_that_has_begun_and_is_given_up_for_the_place_where_it_waited_is_read_all_the_same()
    {
        using var kafka = MockKafka.Start();
        kafka.CreateTopic(Name.Topic);
        using var producer = Clients.Producer(kafka.BootstrapServers);
        await producer.ProduceAsync(Name, new Message<string?, byte[]?> { Value = "x"u8.ToArray() });
        var options = Scene.Read(new() { ["topics"] = Name.Topic, ["group"] = "given-up" });
        using var consumer = Clients.Consumer(kafka.BootstrapServers, options.Subscription.Group, "auto.offset.reset", "error");
        var backlog = new Backlog(options.Ordering, TimeProvider.System);
        var look = new FirstLook([Name.Topic], TimeProvider.System);
        var committed = new GroupOffsets(consumer, look.Seen);
        var starts = new StartingOffsets(consumer, committed, look, InitialOffset.Oldest, TimeProvider.System);
        var assignment = new Assignment(options, starts, backlog, new Readiness(), TimeSpan.Zero, TimeProvider.System, NullLogger.Instance);
        var committer = new OffsetCommitter(committed, backlog, options.Session.RenewInterval, TimeProvider.System, NullLogger.Instance);
        var loop = new PollLoop(consumer, assignment, committer, backlog, options, TimeProvider.System, NullLogger.Instance);

        // An assignment waits only so long for the group's coordinator.
        committed.Read([Name], Eventually.Patience);
        assignment.Assigned(consumer, [Name]);
        Assert.NotNull(assignment.Find(Name));
        consumer.Assign(new TopicPartitionOffset(Name, StartingOffset.Nowhere));

        await Eventually.HoldsAsync(
            () =>
            {
                loop.Step();
                return backlog.States().Any(state => state.Held == 1);
            },
            "the record is read");
    }
}
