using Confluent.Kafka;
using Connectors.Kafka.Committing;
using Connectors.Kafka.Ordering;
using Connectors.Kafka.Polling;
using Connectors.Sdk.Hosting;
using Connectors.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Kafka.Tests.Polling;

/// <summary>Partitions of a client that was left behind, which goes on beside the next one on the same backlog, and those that a client gives up.</summary>
public sealed class AssignmentTests : IDisposable
{
    private const string Group = "left-behind";
    private static readonly TopicPartition Name = new("orders", 0);

    private readonly MockKafka _kafka = MockKafka.Start();
    private readonly IConsumer<byte[]?, byte[]?> _consumer;
    private readonly KafkaOptions _options = Scene.Read(new() { ["topics"] = Name.Topic, ["group"] = Group });
    private readonly Backlog _backlog;
    private readonly StartingOffsets _starts;
    private readonly Assignment _assignment;

    public AssignmentTests()
    {
        _kafka.CreateTopic(Name.Topic);
        _consumer = Clients.Consumer(_kafka.BootstrapServers, Group);
        _backlog = new Backlog(_options.Ordering, TimeProvider.System);
        var look = new FirstLook([Name.Topic], TimeProvider.System);
        var committed = new GroupOffsets(_consumer, look.Seen);
        _starts = new StartingOffsets(_consumer, committed, look, InitialOffset.Oldest, TimeProvider.System);
        _assignment = Create(TimeProvider.System);

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

    [Fact]
    public void One_of_which_no_record_was_read_nor_anything_committed_begins_again_where_its_offset_is_out_of_range()
    {
        _assignment.Assigned(_consumer, [Name]);
        _backlog.End(Assert.Single(_backlog.States()).Partition, 5);

        _assignment.OutOfRange(_consumer, Name);

        Assert.Empty(_backlog.States());
        Assert.Equal(Name, Assert.Single(_assignment.Names));
    }

    // As when the client has dropped its begin.
    [Fact]
    public async Task One_of_which_nothing_came_since_it_began_begins_anew()
    {
        using var producer = Clients.Producer(_kafka.BootstrapServers);
        await producer.ProduceAsync(Name, new Message<string?, byte[]?> { Value = "x"u8.ToArray() });
        var time = new FakeTimeProvider();
        var assignment = Create(time);
        assignment.Assigned(_consumer, [Name]);
        assignment.LookUpAgain(_consumer);
        Assert.NotNull(assignment.Find(Name));

        time.Advance(TimeSpan.FromMinutes(3));
        assignment.LookUpAgain(_consumer);
        Assert.Null(assignment.Find(Name));
        await Eventually.HoldsAsync(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(2));
                assignment.LookUpAgain(_consumer);
                return assignment.Find(Name) is not null;
            },
            "it begins");
        Assert.Equal(0, _consumer.Consume(Eventually.Patience).Offset.Value);

        assignment.Heard(Name);
        time.Advance(TimeSpan.FromHours(1));
        assignment.LookUpAgain(_consumer);
        Assert.NotNull(assignment.Find(Name));
    }

    public void Dispose()
    {
        _consumer.Dispose();
        _kafka.Dispose();
    }

    private Assignment Create(TimeProvider time) => new(_options, _starts, _backlog, new Readiness(), TimeSpan.Zero, time, NullLogger.Instance);
}
