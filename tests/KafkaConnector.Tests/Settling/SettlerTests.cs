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

public class SettlerTests
{
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(1);

    private readonly FakeTimeProvider _time = new();

    // After the third run: 4 s, unless it asks for more.
    [Theory]
    [InlineData(null, 4)]
    [InlineData(1, 4)]
    [InlineData(20, 20)]
    [InlineData(900, 60)]
    public async Task A_gateway_that_is_out_of_reach_and_asks_for_a_wait_makes_it_longer_and_not_shorter(int? asked, int seconds)
    {
        var options = Scene.Read(new() { ["initial_retry_wait"] = "1s", ["max_retry_wait"] = "60s", ["backoff"] = "exponential" });
        var backlog = new Backlog(options.Ordering, _time);
        await using var letters = new DeadLetters(options, _time, NullLogger<DeadLetters>.Instance);
        var settler = new Settler(options, new LatestTopicMap(), backlog, letters, _time, new Random(1), NullLogger<Settler>.Instance);
        using var partition = new AssignedPartition(new TopicPartition("t", 0), 0, 0);
        backlog.Open(partition);
        backlog.Add(Record(partition));
        var record = await backlog.NextAsync(CancellationToken.None);
        var full = new Outcome { Kind = OutcomeKind.Unreachable, Status = 503, RetryAfter = asked is { } wait ? TimeSpan.FromSeconds(wait) : null };

        await settler.FailAsync(record, full, attempt: 3, CancellationToken.None);
        _time.Advance(TimeSpan.FromSeconds(seconds) - Moment);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => backlog.NextAsync(new CancellationToken(canceled: true)));
        _time.Advance(Moment);
        Assert.Same(record, await backlog.NextAsync(CancellationToken.None));
    }

    private InFlight Record(AssignedPartition partition) => new()
    {
        Partition = partition,
        Offset = 0,
        Lane = null,
        Message = new Message<byte[]?, byte[]?>(),
        Bytes = 1,
        Event = new Event { Id = "0", Topic = "t" },
        Identity = new LastRecord(0, 0),
        ReadAt = _time.GetTimestamp(),
    };
}
