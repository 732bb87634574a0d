using Connectors.Streams.Nats;
using Connectors.Testing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Tests.Nats;

public sealed class ConsumerSetupTests : OwnServerTests
{
    private static readonly ConsumerConfig Wanted = new("shared") { FilterSubject = "s.normal.>", AckPolicy = ConsumerConfigAckPolicy.Explicit, AckWait = TimeSpan.FromSeconds(30) };

    private readonly Lines _lines = new();
    private readonly FakeTimeProvider _time = new();
    private ConsumerSetup _setup = null!;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        var streams = new StreamSetup(Link, _time, _lines.CreateLogger<StreamSetup>());
        _setup = new ConsumerSetup(Link, streams, _time, _lines.CreateLogger<ConsumerSetup>());
    }

    // What three servers are left with after a power cut: the consumer knows of messages that the stream has lost, and of new ones with their numbers nothing.
    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(20)]
    public async Task A_consumer_that_is_ahead_of_its_stream_is_made_anew_and_skips_nothing(int storedSince)
    {
        await Link.JetStream.CreateStreamAsync(new StreamConfig("S", ["s.>"]), Ct);
        await Link.JetStream.CreateConsumerAsync("S", Wanted with { DeliverPolicy = ConsumerConfigDeliverPolicy.ByStartSequence, OptStartSeq = 10 }, Ct);
        await StoreAsync("s.high.x", 2);
        await StoreAsync("s.normal.x", storedSince);

        await LookAsync(2);
        await StoreAsync("s.normal.x", 1);

        await PendAsync(storedSince + 1);
    }

    // A leader that has just become one may not have caught up.
    [Fact]
    public async Task A_consumer_that_was_ahead_for_a_moment_stays()
    {
        await Link.JetStream.CreateStreamAsync(new StreamConfig("S", ["s.>"]), Ct);
        var made = await Link.JetStream.CreateConsumerAsync("S", Wanted with { DeliverPolicy = ConsumerConfigDeliverPolicy.ByStartSequence, OptStartSeq = 10 }, Ct);
        for (var look = 0; look < 4; look++)
        {
            await _setup.EnsureAsync("S", Wanted, isFirst: true, Ct);
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(made.Info.Created, (await Link.JetStream.GetConsumerAsync("S", "shared", Ct)).Info.Created);
        Assert.Empty(_lines.All);
    }

    [Fact]
    public async Task A_consumer_that_is_in_step_stays()
    {
        await Link.JetStream.CreateStreamAsync(new StreamConfig("S", ["s.>"]) { Retention = StreamConfigRetention.Workqueue }, Ct);
        await LookAsync(1);
        await StoreAsync("s.high.x", 2);
        await StoreAsync("s.normal.x", 5);
        var consumer = await Link.JetStream.GetConsumerAsync("S", "shared", Ct);
        var made = consumer.Info.Created;
        for (var i = 0; i < 3; i++)
        {
            await (await consumer.NextAsync<string>(cancellationToken: Ct))!.AckAsync(new() { DoubleAck = true }, Ct);
            await LookAsync(1);
        }

        await PendAsync(2);
        Assert.Equal(made, (await Link.JetStream.GetConsumerAsync("S", "shared", Ct)).Info.Created);
    }

    [Fact]
    public async Task Of_workers_whose_ack_wait_differs_the_newest_has_its_way_until_the_consumer_is_made_anew()
    {
        await Link.JetStream.CreateStreamAsync(new StreamConfig("S", ["s.>"]), Ct);
        var (old, now) = (Wanted with { AckWait = TimeSpan.FromSeconds(20) }, Wanted);
        await _setup.EnsureAsync("S", old, isFirst: true, Ct);
        await _setup.EnsureAsync("S", now, isFirst: true, Ct);
        await _setup.EnsureAsync("S", old, isFirst: false, Ct);
        await _setup.EnsureAsync("S", now, isFirst: false, Ct);
        await _setup.EnsureAsync("S", old, isFirst: false, Ct);
        Assert.Equal(now.AckWait, await AckWaitAsync());

        await Link.JetStream.DeleteConsumerAsync("S", "shared", Ct);
        await _setup.EnsureAsync("S", old, isFirst: false, Ct);
        Assert.Equal(old.AckWait, await AckWaitAsync());

        async Task<TimeSpan> AckWaitAsync() => (await Link.JetStream.GetConsumerAsync("S", "shared", Ct)).Info.Config.AckWait;
    }

    // What nats consumer add, edit or a tool like them may leave: with each, calls would stay in the stream and no line would say why.
    [Theory]
    [InlineData("max_deliver is 1")]
    [InlineData("max_ack_pending is 1")]
    [InlineData("backoff is set")]
    [InlineData("its filter is not s.normal.>")]
    [InlineData("its filter is not s.normal.>", true)]
    public async Task A_consumer_that_was_edited_so_that_messages_stay_in_it_is_put_right_at_the_next_look(string reason, bool isPlural = false)
    {
        var wanted = Wanted with { MaxDeliver = -1, MaxAckPending = -1 };
        await Link.JetStream.CreateStreamAsync(new StreamConfig("S", ["s.>"]) { Retention = StreamConfigRetention.Workqueue }, Ct);
        await _setup.EnsureAsync("S", wanted, isFirst: true, Ct);
        await Link.JetStream.CreateOrUpdateConsumerAsync("S", Edited(), Ct);
        await StoreAsync("s.normal.x", 3);
        var given = await Link.JetStream.GetConsumerAsync("S", "shared", Ct);
        await (await given.NextAsync<string>(opts: new NatsJSNextOpts { Expires = TimeSpan.FromSeconds(1) }, cancellationToken: Ct) is { } first ? first.NakAsync(cancellationToken: Ct) : ValueTask.CompletedTask);

        var freed = await _setup.EnsureAsync("S", wanted, isFirst: false, Ct);

        Assert.Contains(reason, Assert.Single(_lines.Warnings), StringComparison.Ordinal);
        Assert.Equal((-1, -1, "s.normal.>", 7), (freed.Info.Config.MaxDeliver, freed.Info.Config.MaxAckPending, freed.Info.Config.FilterSubject, freed.Info.Config.MaxBatch));
        for (var i = 0; i < 3; i++)
        {
            await (await freed.NextAsync<string>(cancellationToken: Ct))!.AckAsync(new() { DoubleAck = true }, Ct);
        }

        Assert.Equal(0, (await Link.JetStream.GetStreamAsync("S", cancellationToken: Ct)).Info.State.Messages);
        await _setup.EnsureAsync("S", wanted, isFirst: false, Ct);
        Assert.Single(_lines.Warnings);

        ConsumerConfig Edited()
        {
            var own = wanted with { MaxBatch = 7 };
            return reason.Split(' ')[0] switch
            {
                "max_deliver" => own with { MaxDeliver = 1 },
                "max_ack_pending" => own with { MaxAckPending = 1 },
                "backoff" => own with { Backoff = [TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2)], MaxDeliver = -1 },
                _ when isPlural => own with { FilterSubject = null, FilterSubjects = ["s.high.>", "s.other.>"] },
                _ => own with { FilterSubject = "s.high.>" },
            };
        }
    }

    private async Task LookAsync(int times)
    {
        for (var i = 0; i < times; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(5));
            await _setup.EnsureAsync("S", Wanted, isFirst: true, Ct);
        }
    }

    private async Task StoreAsync(string subject, int count)
    {
        for (var i = 0; i < count; i++)
        {
            (await Link.JetStream.PublishAsync(subject, "x", cancellationToken: Ct)).EnsureSuccess();
        }
    }

    // A consumer hears of what is stored a moment later.
    private Task PendAsync(int count) => Eventually.HoldsAsync(
        async () => (int)(await Link.JetStream.GetConsumerAsync("S", "shared", Ct)).Info.NumPending == count, $"{count} messages wait");
}
