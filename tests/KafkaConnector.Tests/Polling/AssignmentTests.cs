using Confluent.Kafka;
using Connectors.Kafka.Committing;
using Connectors.Kafka.Ordering;
using Connectors.Kafka.Polling;
using Connectors.Sdk.Hosting;
using Connectors.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Connectors.Kafka.Tests.Polling;

/// <summary>Partitions of a client that was left behind, which goes on beside the next one on the same backlog, and those that a client gives up.</summary>
public sealed class AssignmentTests : IDisposable
{
    private const string Group = "left-behind";
    private static readonly TopicPartition Name = new("orders", 0);

    private readonly MockKafka _kafka = MockKafka.Start();
    private readonly IConsumer<byte[]?, byte[]?> _consumer;
    private readonly Backlog _backlog;
    private readonly Assignment _assignment;

    public AssignmentTests()
    {
        _kafka.CreateTopic(Name.Topic);
        _consumer = Clients.Consumer(_kafka.BootstrapServers, Group);
        var options = Scene.Read(new() { ["topics"] = Name.Topic, ["group"] = Group });
        _backlog = new Backlog(options.Ordering, TimeProvider.System);
        var look = new FirstLook([Name.Topic], TimeProvider.System);
        var committed = new GroupOffsets(_consumer, look.Seen);
        var starts = new StartingOffsets(_consumer, committed, look, InitialOffset.Oldest, TimeProvider.System);
        _assignment = new Assignment(options, starts, _backlog, new Readiness(), TimeSpan.Zero, TimeProvider.System, NullLogger.Instance);

        // An assignment waits only so long for the group's coordinator.
        committed.Read([Name], Eventually.Patience);
    }

    [Fact]
    public void What_is_assigned_to_a_client_that_was_left_behind_is_none_of_the_backlogs()
    {
        Assert.Equal(0, Assert.Single(_assignment.Assigned(_consumer, [Name])).Offset.Value);
        Assert.Same(Assert.Single(_backlog.States()).Partition, _assignment.Find(Name));

        _assignment.LeaveBehind();
        _backlog.Clear();

        Assert.Equal(Offset.End, Assert.Single(_assignment.Assigned(_consumer, [Name])).Offset);
        Assert.Empty(_backlog.States());
        Assert.Null(_assignment.Find(Name));
    }

    [Fact]
    public async Task One_that_was_given_up_after_it_began_stands_still_and_begins_again()
    {
        using var producer = Clients.Producer(_kafka.BootstrapServers);
        await producer.ProduceAsync(Name, new Message<string?, byte[]?> { Value = "x"u8.ToArray() });
        _assignment.NotRead(Name);
        Assert.Empty(_assignment.Names);
        _assignment.Assigned(_consumer, [Name]);

        _assignment.NotRead(Name);
        Assert.Null(_assignment.Find(Name));
        Assert.Empty(_backlog.States());

        // It waits already.
        _assignment.NotRead(Name);
        Assert.Equal(Name, Assert.Single(_assignment.Names));

        await Eventually.HoldsAsync(
            () =>
            {
                _assignment.LookUpAgain(_consumer);
                return _assignment.Find(Name) is not null;
            },
            "it begins");
        Assert.Same(Assert.Single(_backlog.States()).Partition, _assignment.Find(Name));
        Assert.Equal(0, _consumer.Consume(Eventually.Patience).Offset.Value);
    }

    public void Dispose()
    {
        _consumer.Dispose();
        _kafka.Dispose();
    }
}
