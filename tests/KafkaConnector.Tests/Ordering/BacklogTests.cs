using Confluent.Kafka;
using Connectors.Kafka.Ordering;
using Connectors.Kafka.Records;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Kafka.Tests.Ordering;

public sealed class BacklogTests : IDisposable
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(1);

    private readonly FakeTimeProvider _time = new();
    private readonly AssignedPartition _first = new(new TopicPartition("t", 0), 0, 0);
    private readonly AssignedPartition _second = new(new TopicPartition("t", 1), 0, 0);
    private Backlog _backlog;
    private OrderingOptions _options = null!; // set with the backlog

    public BacklogTests() => _backlog = Create();

    [Fact]
    public async Task Of_a_partition_one_event_is_out_at_a_time()
    {
        Add(_first, 0);
        Add(_first, 1);

        var zero = await NextAsync();
        AssertNothingNext();
        _backlog.Done(zero);

        Assert.Equal(1, (await NextAsync()).Offset);
    }

    [Fact]
    public async Task Of_a_key_one_event_is_out_at_a_time_and_other_keys_go_on()
    {
        _backlog = Create("concurrency", "key");
        Add(_first, 0, "a");
        Add(_first, 1, "a");
        Add(_first, 2, "b");
        Add(_first, 3, null);

        var zero = await NextAsync();
        Assert.Equal(2, (await NextAsync()).Offset);
        Assert.Equal(3, (await NextAsync()).Offset);
        AssertNothingNext();
        _backlog.Done(zero);

        Assert.Equal(1, (await NextAsync()).Offset);
    }

    [Fact]
    public async Task Without_order_all_are_out_at_once()
    {
        _backlog = Create("concurrency", "none");
        Add(_first, 0, "a");
        Add(_first, 1, "a");

        Assert.Equal(0, (await NextAsync()).Offset);
        Assert.Equal(1, (await NextAsync()).Offset);
    }

    [Fact]
    public async Task The_partition_that_runs_least_comes_first()
    {
        _backlog = Create("concurrency", "none");
        for (var offset = 0; offset < 10; offset++)
        {
            Add(_first, offset);
        }

        await NextAsync();
        await NextAsync();
        await NextAsync();
        Add(_second, 0);
        Add(_second, 1);

        Assert.Same(_second, (await NextAsync()).Partition);
        Assert.Same(_second, (await NextAsync()).Partition);
    }

    [Fact]
    public async Task What_backs_off_holds_its_lane_until_its_time_has_come()
    {
        Add(_first, 0);
        Add(_first, 1);
        var zero = await NextAsync();

        _backlog.Nak(zero, Soon);
        AssertNothingNext();
        var next = NextAsync();
        _time.Advance(Soon);

        Assert.Same(zero, await next);
        _backlog.Done(zero);
        Assert.Equal(1, (await NextAsync()).Offset);
    }

    [Fact]
    public async Task Nothing_that_backs_off_holds_up_another_partition()
    {
        Add(_first, 0);
        _backlog.Nak(await NextAsync(), Soon);
        Add(_second, 0);

        Assert.Same(_second, (await NextAsync()).Partition);
    }

    [Fact]
    public async Task A_full_partition_is_paused_and_resumed_when_half_empty()
    {
        _backlog = Create("partition_buffer", "4", "concurrency", "none");
        Assert.False(Add(_first, 0));
        Assert.False(Add(_first, 1));
        Assert.False(Add(_first, 2));
        Assert.True(Add(_first, 3));
        Assert.False(Add(_first, 4));

        for (var left = 4; left > 2; left--)
        {
            _backlog.Done(await NextAsync());
            Assert.Empty(_backlog.TakeResumable());
        }

        _backlog.Done(await NextAsync());
        Assert.Same(_first, Assert.Single(_backlog.TakeResumable()));
        Assert.Empty(_backlog.TakeResumable());
    }

    [Fact]
    public async Task Bytes_fill_a_partition_too()
    {
        _backlog = Create("partition_buffer_bytes", "10", "concurrency", "none");

        Assert.False(Add(_first, 0, size: 8));
        Assert.True(Add(_first, 1, size: 1));
        _backlog.Done(await NextAsync());
        Assert.Same(_first, Assert.Single(_backlog.TakeResumable()));
    }

    [Fact]
    public async Task Bytes_of_keys_and_headers_count_whatever_the_value_is()
    {
        _backlog = Create("partition_buffer_bytes", "100", "concurrency", "none");

        Assert.False(Add(_first, 0, key: new string('k', 60), size: 0));
        Assert.True(Add(_first, 1, key: null, size: 0, headers: new Headers { { "name", new byte[36] } }));
        Assert.True(Add(_second, 0, key: null, size: 0, headers: new Headers { { "name", new byte[50] }, { "name", new byte[50] }, { "none", null } }));
        _backlog.Done(await NextAsync());
        _backlog.Done(await NextAsync());
        _backlog.Done(await NextAsync());

        Assert.Equal([0L, 0L], [_first.HeldBytes, _second.HeldBytes]);
    }

    [Fact]
    public async Task A_closed_partition_starts_nothing_and_is_idle_when_what_runs_is_settled()
    {
        _backlog = Create("concurrency", "none");
        Add(_first, 0);
        Add(_first, 1);
        Add(_first, 2);
        var (zero, one) = (await NextAsync(), await NextAsync());

        _backlog.Close(_first);
        AssertNothingNext();
        Assert.False(_first.Idle.IsCompleted);
        Assert.True(_backlog.Done(zero));
        _backlog.Nak(one, Soon);

        Assert.True(_first.Idle.IsCompleted);
        Assert.Equal(1, _backlog.States().Single(s => s.Partition == _first).Position);
        _time.Advance(Soon);
        AssertNothingNext();
    }

    [Fact]
    public async Task What_is_done_after_its_partition_was_let_go_is_known_to_be_late()
    {
        Add(_first, 0);
        var zero = await NextAsync();

        _backlog.Close(_first);
        _backlog.Remove(_first);

        Assert.False(_backlog.Done(zero));
        Assert.DoesNotContain(_backlog.States(), s => s.Partition == _first);
    }

    [Fact]
    public async Task A_reader_that_waits_is_woken_by_what_comes()
    {
        var next = NextAsync();
        Assert.False(next.IsCompleted);

        Add(_second, 7);

        Assert.Equal(7, (await next).Offset);
    }

    public void Dispose()
    {
        _first.Dispose();
        _second.Dispose();
    }

    private Backlog Create(params string[] pairs)
    {
        _options = Scene.Read(pairs.Chunk(2).ToDictionary(pair => pair[0], pair => pair[1])).Ordering;
        var backlog = new Backlog(_options, _time);
        backlog.Open(_first);
        backlog.Open(_second);
        return backlog;
    }

    private bool Add(AssignedPartition partition, long offset, string? key = "k", int size = 1, Headers? headers = null)
    {
        var record = new ConsumeResult<byte[]?, byte[]?>
        {
            TopicPartitionOffset = new TopicPartitionOffset(partition.Name, offset),
            Message = new Message<byte[]?, byte[]?> { Key = key is null ? null : System.Text.Encoding.UTF8.GetBytes(key), Value = new byte[size], Headers = headers },
        };
        var content = RecordEvent.Unreadable(record, "g");
        return _backlog.Add(InFlight.Of(record, LastRecord.Of(record), partition, content, _options.Concurrency, _time.GetTimestamp()));
    }

    private Task<InFlight> NextAsync() => _backlog.NextAsync(CancellationToken.None);

    private void AssertNothingNext()
    {
        using var now = new CancellationTokenSource();
        var next = _backlog.NextAsync(now.Token);
        Assert.False(next.IsCompleted);
        now.Cancel();
    }
}
