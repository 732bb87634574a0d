using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Conformance.Tests.Nats;

public sealed class StreamTests : JetStreamFixture
{
    [Fact]
    public async Task A_stream_is_created_as_it_was_described()
    {
        var config = new StreamConfig("T", ["t.*"])
        {
            Description = "d",
            Retention = StreamConfigRetention.Workqueue,
            Discard = StreamConfigDiscard.New,
            Storage = StreamConfigStorage.Memory,
            MaxMsgs = 10,
            MaxBytes = 1_000_000,
            MaxAge = TimeSpan.FromDays(14),
            MaxMsgSize = 1000,
            MaxMsgsPerSubject = 5,
            DuplicateWindow = TimeSpan.FromMinutes(2),
            AllowDirect = true,
            DenyDelete = true,
            Republish = new Republish { Src = "t.*", Dest = "hint.t.{{wildcard(1)}}", HeadersOnly = true },
            Metadata = new Dictionary<string, string> { ["mode"] = "static" },
        };

        var created = (await Js.CreateStreamAsync(config)).Info.Config;
        var read = (await Js.GetStreamAsync("T")).Info.Config;

        foreach (var info in new[] { created, read })
        {
            Assert.Equal(["t.*"], info.Subjects!);
            Assert.Equal((config.Description, config.Retention, config.Discard, config.Storage), (info.Description, info.Retention, info.Discard, info.Storage));
            Assert.Equal((10L, 1_000_000L, 1000, 5L), (info.MaxMsgs, info.MaxBytes, info.MaxMsgSize, info.MaxMsgsPerSubject));
            Assert.Equal((config.MaxAge, config.DuplicateWindow, true, true), (info.MaxAge, info.DuplicateWindow, info.AllowDirect, info.DenyDelete));
            Assert.Equal(config.Republish, info.Republish);
            Assert.Equal("static", info.Metadata!["mode"]);
        }
    }

    [Fact]
    public async Task Creating_again_is_fine_with_the_same_and_an_error_with_other_settings()
    {
        await Js.CreateStreamAsync(new StreamConfig("S", ["s.>"]));

        var other = await Assert.ThrowsAsync<NatsJSApiException>(async () => await Js.CreateStreamAsync(new StreamConfig("S", ["other"])));
        var overlap = await Assert.ThrowsAsync<NatsJSApiException>(async () => await Js.CreateStreamAsync(new StreamConfig("U", ["s.a"])));

        Assert.Equal(10058, other.Error.ErrCode);
        Assert.Equal(10065, overlap.Error.ErrCode);
    }

    [Fact]
    public async Task Create_or_update_does_either()
    {
        Assert.Equal(0, (await Js.CreateOrUpdateStreamAsync(new StreamConfig("T", ["t"]))).Info.Config.MaxAge.Ticks);

        var updated = await Js.CreateOrUpdateStreamAsync(new StreamConfig("T", ["t"]) { MaxAge = TimeSpan.FromHours(1) });

        Assert.Equal(TimeSpan.FromHours(1), updated.Info.Config.MaxAge);
    }

    [Fact]
    public async Task A_stream_that_is_not_there_is_an_error_404()
    {
        var missing = await Assert.ThrowsAsync<NatsJSApiException>(async () => await Js.GetStreamAsync("none"));

        Assert.Equal((404, 10059), (missing.Error.Code, missing.Error.ErrCode));
        Assert.NotEmpty(missing.Error.Description!);
    }

    [Fact]
    public async Task The_state_counts_messages_by_subject()
    {
        await PublishAsync(3, "s.a");
        await PublishAsync(2, "s.b");

        var state = (await Js.GetStreamAsync("S", new StreamInfoRequest { SubjectsFilter = ">" })).Info.State;

        Assert.Equal((5L, 1UL, 5UL, 2L), (state.Messages, state.FirstSeq, state.LastSeq, state.NumSubjects));
        Assert.Equal(new Dictionary<string, long> { ["s.a"] = 3, ["s.b"] = 2 }, state.Subjects);
        Assert.True(state.Bytes > 0);
        await Stream.RefreshAsync();
        Assert.Equal(5, Stream.Info.State.Messages);
        Assert.Null(Stream.Info.State.Subjects);
    }

    [Fact]
    public async Task Purging_takes_a_subject_or_all_up_to_a_sequence_or_all_but_some()
    {
        await PublishAsync(5, "s.a");
        await PublishAsync(5, "s.b");

        Assert.Equal(5, (await Js.PurgeStreamAsync("S", new StreamPurgeRequest { Filter = "s.a" })).Purged);
        Assert.Equal(2, (await Stream.PurgeAsync(new StreamPurgeRequest { Seq = 8 })).Purged);
        Assert.Equal(2, (await Stream.PurgeAsync(new StreamPurgeRequest { Keep = 1 })).Purged);
        await Stream.RefreshAsync();
        Assert.Equal((1L, 10UL), (Stream.Info.State.Messages, Stream.Info.State.FirstSeq));
    }

    [Fact]
    public async Task A_message_is_found_by_sequence_last_of_subject_and_next_of_subject()
    {
        await PublishAsync(2, "s.a");
        await PublishAsync(2, "s.b");

        Assert.Equal("s.a", (await Stream.GetAsync(new StreamMsgGetRequest { Seq = 2 })).Message.Subject);
        Assert.Equal(4UL, (await Stream.GetAsync(new StreamMsgGetRequest { LastBySubj = "s.b" })).Message.Seq);
        Assert.Equal(3UL, (await Stream.GetAsync(new StreamMsgGetRequest { Seq = 1, NextBySubj = "s.b" })).Message.Seq);
        var missing = await Assert.ThrowsAsync<NatsJSApiException>(async () => await Stream.GetAsync(new StreamMsgGetRequest { Seq = 9 }));
        Assert.Equal((404, 10037), (missing.Error.Code, missing.Error.ErrCode));
    }

    [Fact]
    public async Task A_message_is_read_directly_with_its_headers()
    {
        await Js.CreateStreamAsync(new StreamConfig("D", ["d.*"]) { AllowDirect = true });
        var stream = await Js.GetStreamAsync("D");
        await Js.PublishAsync("d.a", "1", headers: new() { ["H"] = "x" });

        var last = await stream.GetDirectAsync<string>(new StreamMsgGetRequest { LastBySubj = "d.a" });
        var bySequence = await stream.GetDirectAsync<string>(new StreamMsgGetRequest { Seq = 1 });
        var missing = await stream.GetDirectAsync<string>(new StreamMsgGetRequest { Seq = 7 });

        Assert.Equal(("1", "x", "1", "d.a"), (last.Data, last.Headers!["H"].ToString(), last.Headers["Nats-Sequence"].ToString(), last.Headers["Nats-Subject"].ToString()));
        Assert.Equal("1", bySequence.Data);
        Assert.Equal(404, missing.Headers!.Code);
    }

    [Fact]
    public async Task Deleting_a_message_or_a_stream_says_whether_it_worked()
    {
        await PublishAsync(2);

        Assert.True((await Js.DeleteMessageAsync("S", new StreamMsgDeleteRequest { Seq = 1, NoErase = true })).Success);
        var again = await Assert.ThrowsAsync<NatsJSApiException>(async () => await Stream.DeleteMessageAsync(new StreamMsgDeleteRequest { Seq = 1 }));
        Assert.NotEqual(0, again.Error.ErrCode);
        Assert.True(await Stream.DeleteAsync());
        await Assert.ThrowsAnyAsync<NatsJSException>(async () => await Stream.RefreshAsync());
    }

    [Fact]
    public async Task Streams_and_consumers_are_listed_page_by_page()
    {
        for (var i = 0; i < 300; i++)
        {
            await Js.CreateStreamAsync(new StreamConfig($"L{i}", [$"l.{i}"]) { Storage = StreamConfigStorage.Memory });
            await Js.CreateOrUpdateConsumerAsync("S", new ConsumerConfig { Name = $"c{i}", MemStorage = true, InactiveThreshold = TimeSpan.FromMinutes(5) });
        }

        Assert.Equal(301, await Js.ListStreamsAsync().CountAsync());
        Assert.Equal(301, await Js.ListStreamNamesAsync().Distinct().CountAsync());
        Assert.Equal(["L7"], await Js.ListStreamNamesAsync("l.7").ToListAsync());
        Assert.Equal(300, await Js.ListConsumersAsync("S").Select(consumer => consumer.Info.Name).Distinct().CountAsync());
        Assert.Equal(300, await Stream.ListConsumerNamesAsync().Distinct().CountAsync());
    }

    [Fact]
    public async Task A_consumer_is_created_as_it_was_described()
    {
        var config = new ConsumerConfig
        {
            Name = "fn:a:b:high",
            AckPolicy = ConsumerConfigAckPolicy.Explicit,
            AckWait = TimeSpan.FromSeconds(7),
            MaxDeliver = -1,
            MaxAckPending = -1,
            MaxWaiting = 99,
            FilterSubjects = ["s.a", "s.b"],
            InactiveThreshold = TimeSpan.FromMinutes(3),
            MemStorage = true,
            HeadersOnly = true,
            DeliverPolicy = ConsumerConfigDeliverPolicy.ByStartSequence,
            OptStartSeq = 3,
            Metadata = new Dictionary<string, string> { ["k"] = "v" },
        };

        var info = (await Js.CreateOrUpdateConsumerAsync("S", config)).Info;

        Assert.Equal(("S", "fn:a:b:high"), (info.StreamName, info.Name));
        Assert.Equal((config.AckPolicy, config.AckWait, -1L, -1L, 99L), (info.Config.AckPolicy, info.Config.AckWait, info.Config.MaxDeliver, info.Config.MaxAckPending, info.Config.MaxWaiting));
        Assert.Equal((config.InactiveThreshold, true, true, config.DeliverPolicy, 3UL), (info.Config.InactiveThreshold, info.Config.MemStorage, info.Config.HeadersOnly, info.Config.DeliverPolicy, info.Config.OptStartSeq));
        Assert.Equal(["s.a", "s.b"], info.Config.FilterSubjects!);
        Assert.Equal("v", info.Config.Metadata!["k"]);
        Assert.Null(info.Config.DurableName);
    }

    [Fact]
    public async Task Consumers_are_created_updated_found_and_deleted()
    {
        await Js.CreateConsumerAsync("S", new ConsumerConfig("C") { FilterSubject = "s.a" });
        var twice = await Assert.ThrowsAsync<NatsJSApiException>(async () => await Js.CreateConsumerAsync("S", new ConsumerConfig("C") { FilterSubject = "s.b" }));
        var missing = await Assert.ThrowsAsync<NatsJSApiException>(async () => await Js.UpdateConsumerAsync("S", new ConsumerConfig("D")));
        await Js.UpdateConsumerAsync("S", new ConsumerConfig("C") { FilterSubject = "s.a", AckWait = TimeSpan.FromSeconds(5) });

        Assert.Equal(TimeSpan.FromSeconds(5), (await Js.GetConsumerAsync("S", "C")).Info.Config.AckWait);
        Assert.Equal(10148, twice.Error.ErrCode);
        Assert.Equal(10149, missing.Error.ErrCode);
        Assert.True(await Js.DeleteConsumerAsync("S", "C"));
        var gone = await Assert.ThrowsAsync<NatsJSApiException>(async () => await Js.GetConsumerAsync("S", "C"));
        Assert.Equal((404, 10014), (gone.Error.Code, gone.Error.ErrCode));
    }

    [Fact]
    public async Task A_republished_message_arrives_without_its_body()
    {
        await Js.CreateStreamAsync(new StreamConfig("R", ["r.>"]) { Republish = new Republish { Src = "r.>", Dest = "HINT.r.>", HeadersOnly = true } });
        await using var hints = await Nats.SubscribeCoreAsync<string>("HINT.>");

        await Js.PublishAsync("r.x", "body");

        var hint = await hints.Msgs.ReadAsync();
        Assert.Equal(("HINT.r.x", null, "4"), (hint.Subject, hint.Data, hint.Headers!["Nats-Msg-Size"].ToString()));
    }
}
