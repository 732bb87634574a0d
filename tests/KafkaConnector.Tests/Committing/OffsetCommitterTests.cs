using System.Collections.Concurrent;
using Confluent.Kafka;
using Connectors.Kafka.Committing;
using Connectors.Kafka.Ordering;
using Connectors.Kafka.Records;
using Connectors.Sdk.Hosting;
using Connectors.Testing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Kafka.Tests.Committing;

/// <summary>
/// An offset that does not change is committed again, before brokers forget it: what they forget, the tests overwrite by a tool's hand. What they refuse holds
/// up nothing else.
/// </summary>
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
    private readonly Told _told = new();

    public OffsetCommitterTests()
    {
        _kafka.CreateTopic(Name.Topic);
        _consumer = Clients.Consumer(_kafka.BootstrapServers, Group);
        _offsets = new GroupOffsets(_consumer, new SeenCommits());
        _backlog = new Backlog(OrderingOptions.Read(new Settings(new Dictionary<string, string>())), _time);
        _committer = new OffsetCommitter(_offsets, _backlog, Renewal, _time, _told);
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

    [Fact]
    public async Task Of_what_the_brokers_refuse_in_part_the_rest_counts_as_committed_and_that_part_is_named_once()
    {
        using var kept = new AssignedPartition(Name, position: 5, committed: -1);
        using var gone = new AssignedPartition(new TopicPartition("deleted", 3), position: 7, committed: -1);
        _backlog.Open(kept);
        _backlog.Open(gone);
        await CommitsAsync(5);

        for (var i = 0; i < 3; i++)
        {
            _committer.CommitAndRenew();
        }

        Assert.Equal([5, -1], _backlog.States().Select(s => s.Committed));
        var refusal = Assert.Single(_told.Lines, line => line.Contains("UnknownTopicOrPart", StringComparison.Ordinal));
        Assert.Contains("partitions=deleted[3]", refusal, StringComparison.Ordinal);

        _kafka.CreateTopic("deleted", 4);
        await Eventually.HoldsAsync(
            () =>
            {
                _committer.CommitAndRenew();
                return _backlog.States().All(s => s.Committed == s.Position);
            },
            "both are committed");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task While_the_group_rebalances_nothing_is_committed_until_it_has_done_so_or_had_the_time_for_it(bool isTold)
    {
        using var partition = new AssignedPartition(Name, position: 5, committed: -1);
        _backlog.Open(partition);
        await CommitsAsync(5);
        Overwrite();
        _time.Advance(Renewal);

        // 8 is OffsetCommit, 27 says that the group rebalances.
        _kafka.Fail(8, 27);
        _committer.CommitAndRenew();
        Assert.Single(_told.Lines, line => line.Contains("RebalanceInProgress", StringComparison.Ordinal));
        _time.Advance(TimeSpan.FromSeconds(9));
        _committer.CommitAndRenew();
        Assert.Equal(1, Committed.Offset);

        if (isTold)
        {
            _committer.Rebalanced();
        }
        else
        {
            _time.Advance(TimeSpan.FromSeconds(2));
        }

        await CommitsAsync(5);
    }

    // Whoever has it next begins at what was committed last.
    [Fact]
    public async Task What_is_let_go_is_committed_though_the_group_rebalances_and_never_again()
    {
        using var partition = new AssignedPartition(Name, position: 5, committed: -1);
        _backlog.Open(partition);
        await CommitsAsync(5);
        _kafka.CreateTopic("leaving");
        using var other = new AssignedPartition(new TopicPartition("leaving", 0), position: 7, committed: -1);
        _backlog.Open(other);
        _kafka.Fail(8, 27);
        _committer.Commit();
        Assert.Single(_told.Lines, line => line.Contains("RebalanceInProgress", StringComparison.Ordinal));

        _committer.LetGo([other]);
        Assert.Equal(7, Assert.Single(_offsets.Read([other.Name], Eventually.Patience)).Offset);
        Clients.Commit(_kafka.BootstrapServers, Group, other.Name.Topic, other.Name.Partition.Value, 1);
        _time.Advance(Renewal);

        await CommitsAsync(5);
        Assert.Equal(1, Assert.Single(_offsets.Read([other.Name], Eventually.Patience)).Offset);
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

    private sealed class Told : ILogger
    {
        private readonly ConcurrentQueue<string> _lines = new();

        public IReadOnlyCollection<string> Lines => _lines;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            var fields = (state as IReadOnlyList<KeyValuePair<string, object?>> ?? []).Where(f => f.Key != "{OriginalFormat}").Select(f => $" {f.Key}={f.Value}");
            _lines.Enqueue($"{formatter(state, exception)}{string.Concat(fields)}");
        }
    }
}
