using Confluent.Kafka;
using Connectors.Kafka.Committing;
using Connectors.Kafka.Ordering;
using Connectors.Kafka.Records;
using Connectors.Sdk.Hosting;
using Connectors.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Kafka.Tests.Committing;

/// <summary>An offset that does not change is committed again, before brokers forget it. What they forget, the tests overwrite by a tool's hand.</summary>
public sealed class OffsetCommitterTests : IDisposable
{
    private const string Group = "readers";
    private static readonly TimeSpan Renewal = TimeSpan.FromHours(1);
    private static readonly TopicPartition Name = new("orders", 0);

    private readonly FakeTimeProvider _time = new();
    private readonly MockKafka _kafka = MockKafka.Start();
    private readonly IConsumer<byte[]?, byte[]?> _consumer;
    private readonly GroupOffsets _offsets;
    private readonly Backlog _backlog;
    private readonly OffsetCommitter _committer;

    public OffsetCommitterTests()
    {
        _kafka.CreateTopic(Name.Topic);
        _consumer = Clients.Consumer(_kafka.BootstrapServers, Group);
        _offsets = new GroupOffsets(_consumer, new SeenCommits());
        _backlog = new Backlog(OrderingOptions.Read(new Settings(new Dictionary<string, string>())), _time);
        _committer = new OffsetCommitter(_offsets, _backlog, Renewal, _time, NullLogger.Instance);
    }

    [Fact]
    public async Task An_offset_is_committed_again_once_its_commit_is_old()
    {
        using var partition = new AssignedPartition(Name, position: 5, committed: -1);
        _backlog.Open(partition);
        await CommitsAsync(5);
        Overwrite();

        _time.Advance(Renewal / 2);
        _committer.CommitAndRenew();
        Assert.Equal(1, Committed.Offset);
        _time.Advance(Renewal / 2);

        await CommitsAsync(5);
    }

    [Fact]
    public async Task One_that_was_found_is_committed_again_at_once_with_its_note()
    {
        var note = new OffsetNote(new LastRecord(4, 7), new TopicLook(2, 1000));
        using var partition = new AssignedPartition(Name, position: 5, committed: 5, note.LastDone) { Look = note.Look };
        _backlog.Open(partition);
        Overwrite();

        await CommitsAsync(5);

        Assert.Equal(note, OffsetNote.Parse(Committed.Note));
    }

    [Fact]
    public async Task A_commit_of_what_has_advanced_renews_nothing()
    {
        using var partition = new AssignedPartition(Name, position: 5, committed: 5);
        _backlog.Open(partition);
        Overwrite();

        _committer.Commit();
        Assert.Equal(1, Committed.Offset);

        await CommitsAsync(5);
    }

    [Fact]
    public async Task A_client_that_was_left_behind_commits_nothing_of_what_the_next_one_does()
    {
        using var partition = new AssignedPartition(Name, position: 5, committed: -1);
        _backlog.Open(partition);
        await CommitsAsync(5);
        Overwrite();
        _time.Advance(Renewal);

        _committer.LeaveBehind();
        _committer.CommitAndRenew();

        Assert.Equal(1, Committed.Offset);
    }

    public void Dispose()
    {
        _consumer.Dispose();
        _kafka.Dispose();
    }

    private CommittedOffset Committed => Assert.Single(_offsets.Read([Name], Eventually.Patience));

    private void Overwrite() => Clients.Commit(_kafka.BootstrapServers, Group, Name.Topic, Name.Partition.Value, 1);

    // The client may have to look for the group's coordinator first.
    private Task CommitsAsync(long offset) => Eventually.HoldsAsync(
        () =>
        {
            _committer.CommitAndRenew();
            return Committed.Offset == offset;
        },
        $"{offset} is committed");
}
