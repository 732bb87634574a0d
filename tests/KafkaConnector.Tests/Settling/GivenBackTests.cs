using Confluent.Kafka;
using Connectors.Kafka.Ordering;
using Connectors.Kafka.Records;
using Connectors.Kafka.Settling;
using Connectors.Sdk.Events;
using Connectors.Sdk.Invocation;
using Connectors.Sdk.Topics;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Kafka.Tests.Settling;

/// <summary>When a record that nobody ran, or nobody wants, is done, and when it comes again.</summary>
public sealed class GivenBackTests : IAsyncDisposable
{
    private static readonly Outcome Refused = new() { Kind = OutcomeKind.Failed, Status = 500 };
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(60);

    private readonly FakeTimeProvider _time = new();
    private readonly LatestTopicMap _topics = new();
    private readonly AssignedPartition _partition = new(new TopicPartition("t", 0), 0, 0);
    private readonly Backlog _backlog;
    private readonly DeadLetters _letters;
    private Settler _settler;

    public GivenBackTests()
    {
        var options = Options("skip");
        _backlog = new Backlog(options.Ordering, _time);
        _letters = new DeadLetters(options, _time, NullLogger<DeadLetters>.Instance);
        _settler = Create(options);
        _backlog.Open(_partition);
        _backlog.Add(new InFlight
        {
            Partition = _partition,
            Offset = 0,
            Lane = "",
            Message = new Message<byte[]?, byte[]?>(),
            Bytes = 1,
            Event = new Event { Id = "0", Topic = "t" },
            Identity = new LastRecord(0, 0),
            ReadAt = _time.GetTimestamp(),
        });
    }

    [Fact]
    public async Task What_nobody_wanted_is_done_at_once()
    {
        _topics.Swap(Map());

        await _settler.UnwantedAsync(await NextAsync(), CancellationToken.None);

        Assert.Equal(1, Position);
    }

    [Fact]
    public async Task What_was_wanted_until_just_now_is_done_once_three_lists_are_without_a_function()
    {
        var record = await NextAsync();
        _topics.Swap(Map("t"));
        for (var without = 1; without < 3; without++)
        {
            _topics.Swap(Map());
            await IsLookedAtAgainAsync(record);
        }

        _topics.Swap(Map());
        await _settler.UnwantedAsync(record, CancellationToken.None);

        Assert.Equal(1, Position);
    }

    [Fact]
    public async Task What_a_function_refused_uses_no_attempt_while_it_waits_for_the_function_to_be_replaced()
    {
        var record = await IsRefusedAsync();
        for (var without = 1; without < 3; without++)
        {
            _topics.Swap(Map());
            await IsLookedAtAgainAsync(record);
        }

        // The second of three attempts, and the last.
        await _settler.FailAsync(record, Refused, attempt: 4, CancellationToken.None);
        Assert.Equal(0, Position);
        await ComesAgainAfterAsync(MaxWait, record);
        await _settler.FailAsync(record, Refused, attempt: 5, CancellationToken.None);
        Assert.Equal(1, Position);
    }

    [Theory]
    [InlineData("skip", true)]
    [InlineData("block", false)]
    public async Task What_a_function_refused_ends_as_configured_once_three_lists_are_without_one(string onFailure, bool isDone)
    {
        _settler = Create(Options(onFailure));
        var record = await IsRefusedAsync();
        for (var without = 1; without < 3; without++)
        {
            _topics.Swap(Map());
            await IsLookedAtAgainAsync(record);
        }

        _topics.Swap(Map());
        await _settler.UnwantedAsync(record, CancellationToken.None);

        Assert.Equal(isDone ? 1 : 0, Position);
        if (!isDone)
        {
            await ComesAgainAfterAsync(Interval, record);
            await IsLookedAtAgainAsync(record);
        }
    }

    [Fact]
    public async Task What_was_not_run_by_any_function_is_no_refusal()
    {
        _topics.Swap(Map());
        var record = await NextAsync();
        await _settler.FailAsync(record, new Outcome { Kind = OutcomeKind.Unreachable, Status = 503 }, attempt: 1, CancellationToken.None);
        await ComesAgainAfterAsync(MaxWait, record);

        await _settler.UnwantedAsync(record, CancellationToken.None);

        Assert.Equal(1, Position);
    }

    [Fact]
    public async Task What_is_abandoned_while_its_partition_is_ours_comes_again()
    {
        var record = await NextAsync();

        _settler.Abandon(record);

        await ComesAgainAfterAsync(MaxWait, record);
        Assert.Equal(0, Position);
        _backlog.Close(_partition);
        Assert.False(_partition.Idle.IsCompleted);
        _settler.Abandon(record);
        Assert.True(_partition.Idle.IsCompleted);
    }

    public ValueTask DisposeAsync()
    {
        _partition.Dispose();
        return _letters.DisposeAsync();
    }

    private long Position => Assert.Single(_backlog.States()).Position;

    private static KafkaOptions Options(string onFailure) => Scene.Read(new()
    {
        ["rebuild_interval"] = "30s",
        ["initial_retry_wait"] = "1s",
        ["max_retry_wait"] = "60s",
        ["max_retry_attempts"] = "3",
        ["on_failure"] = onFailure,
    });

    private Settler Create(KafkaOptions options) => new(options, _topics, _backlog, _letters, _time, new Random(1), NullLogger<Settler>.Instance);

    // By the one function that wants it.
    private async Task<InFlight> IsRefusedAsync()
    {
        _topics.Swap(Map("t"));
        var record = await NextAsync();
        await _settler.FailAsync(record, Refused, attempt: 1, CancellationToken.None);
        await ComesAgainAfterAsync(MaxWait, record);
        return record;
    }

    private async Task IsLookedAtAgainAsync(InFlight record)
    {
        await _settler.UnwantedAsync(record, CancellationToken.None);
        Assert.Equal(0, Position);
        await ComesAgainAfterAsync(Interval, record);
    }

    private Task<InFlight> NextAsync() => _backlog.NextAsync(CancellationToken.None);

    // Not before it is given back, and not later than that.
    private async Task ComesAgainAfterAsync(TimeSpan wait, InFlight record)
    {
        var next = NextAsync();
        Assert.False(next.IsCompleted);
        _time.Advance(wait);
        Assert.Same(record, await next);
    }

    private static TopicMap Map(params string[] topics) => new(
        topics.Select(topic => new Function(new FunctionName("f", "ns"), new Dictionary<string, string> { ["topic"] = topic })), ",", withPatterns: false);
}
