using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Connectors.Gateway.Tests.Queues;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using NATS.Net;

namespace Connectors.Gateway.Tests.History;

/// <summary>nats-server and a gateway that tests of the history share; each test has queues of its own.</summary>
public sealed class HistoryScene : IAsyncLifetime
{
    private NatsConnection _connection = null!;

    public NatsServer Nats { get; private set; } = null!;

    public TestGateway Gateway { get; private set; } = null!;

    public INatsJSContext JetStream { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Nats = await NatsServer.StartAsync();
        Gateway = await TestGateway.StartAsync(Nats);
        _connection = new NatsConnection(StoredCalls.OptionsFor(Nats));
        JetStream = _connection.CreateJetStreamContext();
    }

    public Task<HistorySeed> SeedAsync() => new HistorySeed(JetStream, "q" + Guid.NewGuid().ToString("N")[..8]).CreateAsync();

    public async ValueTask DisposeAsync()
    {
        await _connection.DisposeAsync();
        await Gateway.DisposeAsync();
        await Nats.DisposeAsync();
    }
}

public sealed class HistoryApiTests(HistoryScene scene) : IClassFixture<HistoryScene>
{
    private static readonly DateTimeOffset Noon = new(TimeProvider.System.GetUtcNow().UtcDateTime.Date.AddDays(-1).AddHours(12), TimeSpan.Zero);

    [Fact]
    public async Task Calls_are_listed_newest_first_and_filtered_by_everything()
    {
        var seed = await scene.SeedAsync();
        await seed.WriteAsync(
            HistorySeed.Call("a", EndStates.Succeeded, "c0", Noon),
            HistorySeed.Call("a", EndStates.Dead, "c1", Noon.AddMinutes(1), "order:1", "eu"),
            HistorySeed.Call("b", EndStates.Cancelled, "c2", Noon.AddMinutes(2), "eu"));
        await seed.WriteAsync(
            HistorySeed.Call("b", EndStates.Expired, "c3", Noon.AddMinutes(3)),
            HistorySeed.Call("b", EndStates.Callback, "c3", Noon.AddMinutes(4)),
            HistorySeed.Call("a", EndStates.Succeeded, "c4", Noon.AddMinutes(5), "order:2"));
        await HoldsAsync(seed.Queue, "", ["c4", "c3", "c2", "c1", "c0"]);

        await HoldsAsync(seed.Queue, "&function=a", ["c4", "c1", "c0"]);
        await HoldsAsync(seed.Queue, "&function=b.openfaas-fn", ["c3", "c2"]);
        await HoldsAsync(seed.Queue, "&function=b.other", []);
        await HoldsAsync(seed.Queue, "&state=dead", ["c1"]);
        await HoldsAsync(seed.Queue, "&state=dead,expired", ["c3", "c1"]);
        await HoldsAsync(seed.Queue, "&state=succeeded&function=a&limit=1", ["c4"]);
        await HoldsAsync(seed.Queue, "&tag=eu", ["c2", "c1"]);
        await HoldsAsync(seed.Queue, "&tag=order:2", ["c4"]);
        await HoldsAsync(seed.Queue, "&tag=order", []);
        await HoldsAsync(seed.Queue, $"&since={Noon.AddMinutes(2):yyyy-MM-ddTHH:mm:ssZ}", ["c4", "c3", "c2"]);
        await HoldsAsync(seed.Queue, $"&since={Noon.AddMinutes(1):yyyy-MM-ddTHH:mm:ssZ}&until={Noon.AddMinutes(3):yyyy-MM-ddTHH:mm:ssZ}", ["c2", "c1"]);
        await HoldsAsync(seed.Queue, "&since=1s", []);
        await HoldsAsync(seed.Queue, "&until=200000000h", []);
        await HoldsAsync(seed.Queue, "&until=1s", ["c4", "c3", "c2", "c1", "c0"]);

        var item = (await scene.Gateway.SystemJsonAsync($"calls?queue={seed.Queue}&state=dead"))["items"]![0]!;
        Assert.Equal(
            ("a.openfaas-fn", seed.Queue, "dead", "exhausted", 500, 1, "[\"order:1\",\"eu\"]"),
            ((string)item["function"]!, (string)item["queue"]!, (string)item["state"]!, (string)item["reason"]!, (int)item["status"]!, (int)item["attempts"]!, item["tags"]!.ToJsonString()));
    }

    [Fact]
    public async Task Pages_neither_skip_nor_repeat_while_calls_go_on_ending()
    {
        const int count = 3_000;
        var (seed, other) = (await scene.SeedAsync(), await scene.SeedAsync());
        var written = new HashSet<string>();
        async Task WriteAsync(HistorySeed to, int from, int many)
        {
            await to.WriteManyAsync(many, i => HistorySeed.Call("page", (from + i) % 3 == 0 ? EndStates.Dead : EndStates.Succeeded, $"{to.Queue}-{from + i}"));
            written.UnionWith(Enumerable.Range(from, many).Select(i => $"{to.Queue}-{i}"));
        }

        await WriteAsync(seed, 0, count);
        await WriteAsync(other, 0, count / 10);
        await Eventually.HoldsAsync(async () => await CountAsync(seed.Queue) == count && await CountAsync(other.Queue) == count / 10, "all can be found");
        var atFirst = written.Where(id => int.Parse(id.Split('-')[1]) % 3 == 0).ToHashSet();

        var seen = new List<string>();
        var more = count;
        for (string? next = ""; next is not null; more += 150)
        {
            var page = await scene.Gateway.SystemJsonAsync($"calls?function=page&state=dead&limit=97{(next.Length > 0 ? $"&after={Uri.EscapeDataString(next)}" : "")}");
            seen.AddRange(Ids(page));
            next = (string?)page["next"];
            await WriteAsync(seed, more, 150);
        }

        Assert.Equal(seen.Count, seen.Distinct().Count());
        Assert.Equal(atFirst.Order(), seen.Where(atFirst.Contains).Order());
    }

    [Fact]
    public async Task A_page_goes_on_at_another_gateway()
    {
        var seed = await scene.SeedAsync();
        await seed.WriteManyAsync(1_000, i => HistorySeed.Call(id: $"n{i}"));
        await Eventually.HoldsAsync(async () => await CountAsync(seed.Queue) == 1_000, "all can be found");
        await using var another = await TestGateway.StartAsync(scene.Nats);

        var seen = new List<string>();
        var turn = 0;
        for (string? next = ""; next is not null;)
        {
            var gateway = turn++ % 2 == 0 ? scene.Gateway : another;
            var page = await gateway.SystemJsonAsync($"calls?queue={seed.Queue}&limit=130{(next.Length > 0 ? $"&after={next}" : "")}");
            seen.AddRange(Ids(page));
            next = (string?)page["next"];
        }

        Assert.Equal(Enumerable.Range(0, 1_000).Select(i => $"n{i}").Order(), seen.Order());
    }

    [Fact]
    public async Task One_call_is_told_with_each_send_its_callback_and_its_redrive()
    {
        var seed = await scene.SeedAsync();
        var call = HistorySeed.Call("a", EndStates.Dead, "a/b%c", Noon) with
        {
            Attempts = 2,
            Submitted = Noon.AddSeconds(-10),
            Error = "boom",
            Trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            Sends =
            [
                new PastAttempt { At = Noon.AddSeconds(-8), Status = 503, Seconds = 1.5, Error = "no room" },
                new PastAttempt { At = Noon.AddSeconds(-1), Status = 500, Seconds = 0.5 },
            ],
            Callback = new EndedCallback { State = CallbackStates.Due },
        };
        await seed.WriteAsync(call);
        await seed.WriteAsync(HistorySeed.Call("a", id: "another", ended: Noon.AddMinutes(1)));
        await seed.WriteAsync(call with { State = EndStates.Callback, Sends = null, Callback = new EndedCallback { State = CallbackStates.Delivered, Attempts = 3, Status = 204 } });
        await seed.WriteAsync(call with { State = EndStates.Succeeded, Redrive = 1, Ended = Noon.AddHours(1), Reason = null, Error = null });
        await HoldsAsync(seed.Queue, "", ["a/b%c", "another", "a/b%c"]);

        var story = await scene.Gateway.SystemJsonAsync("calls/a%2Fb%25c");
        var calls = story["calls"]!.AsArray();

        Assert.Equal(["dead", "succeeded"], calls.Select(c => (string)c!["state"]!));
        Assert.Equal([0, 1], calls.Select(c => (int)c!["redrive"]!));
        Assert.Equal("0af7651916cd43dd8448eb211c80319c", (string)calls[0]!["traceId"]!);
        Assert.Equal("boom", (string)calls[0]!["error"]!);
        Assert.Equal(("delivered", 3, 204), ((string)calls[0]!["callback"]!["state"]!, (int)calls[0]!["callback"]!["attempts"]!, (int)calls[0]!["callback"]!["status"]!));
        Assert.Equal("due", (string)calls[1]!["callback"]!["state"]!);
        var sends = calls[0]!["sends"]!.AsArray();
        Assert.Equal(
            [(1, 503, 1.5, 2.0, "no room"), (2, 500, 0.5, 5.5, null)],
            sends.Select(s => ((int)s!["attempt"]!, (int)s["status"]!, (double)s["seconds"]!, (double)s["waited"]!, (string?)s["error"])));
    }

    [Fact]
    public async Task Each_post_of_a_callback_is_told_while_it_is_due_and_when_it_has_ended()
    {
        var queue = "q" + Guid.NewGuid().ToString("N")[..8];
        var letters = await new DeadLetterSeed(scene.JetStream, queue).CreateAsync();
        var seed = await new HistorySeed(scene.JetStream, queue).CreateAsync();
        var ended = TimeProvider.System.GetUtcNow();
        PastAttempt[] posts =
        [
            new() { At = ended.AddSeconds(1), Status = 0, Seconds = 0.5, Error = "Connection refused" },
            new() { At = ended.AddSeconds(7), Status = 503, Seconds = 1 },
        ];
        var (due, delivered, old) = (HistorySeed.Call(id: "due", ended: ended), HistorySeed.Call(id: "delivered", ended: ended), HistorySeed.Call(id: "old", ended: ended));

        // As of a worker whose clock is ahead: the record lies before the time of the end.
        var ahead = HistorySeed.Call(id: "ahead", ended: ended.AddSeconds(10));
        foreach (var call in new[] { due, delivered, old, ahead })
        {
            await seed.WriteAsync(call with { Callback = new EndedCallback { State = CallbackStates.Due } });
        }

        await seed.WriteAsync(delivered with { State = EndStates.Callback, Callback = new EndedCallback { State = CallbackStates.Delivered, Attempts = 40, Status = 204, Posts = [.. posts, posts[1] with { Status = 204 }] } });
        await seed.WriteAsync(old with { State = EndStates.Callback, Callback = new EndedCallback { State = CallbackStates.Refused, Attempts = 2, Status = 410, Error = "gone" } });
        await letters.TellingAsync(DeadLetterSeed.Call("echo", "ahead") with { DeliveryId = ahead.DeliveryId }, new CallbackRecord { Status = 200, Since = ended, Attempt = 2, Posts = [posts[0]] });
        for (var i = 0; i < 40; i++)
        {
            await letters.TellingAsync(DeadLetterSeed.Call("echo"));
        }

        await letters.TellingAsync(
            DeadLetterSeed.Call("echo", "due") with { DeliveryId = due.DeliveryId },
            new CallbackRecord { Status = 200, Since = ended, Attempt = 3, NotBefore = ended.AddSeconds(20), Posts = posts });
        await HoldsAsync(queue, "", ["ahead", "old", "delivered", "due"]);
        await Eventually.HoldsAsync(async () => (string)(await CallbackAsync("old"))["state"]! == CallbackStates.Refused, "the last record is read");

        var open = await CallbackAsync("due");
        Assert.Equal(("due", 2, 503, ended.AddSeconds(20).UtcDateTime), ((string)open["state"]!, (int)open["attempts"]!, (int)open["status"]!, (DateTime)open["dueAt"]!));
        Assert.Equal([(1, null, 0.5, 1.0, "Connection refused"), (2, 503, 1.0, 5.5, null)], Posts(open));
        Assert.Equal(("due", 1), ((string)(await CallbackAsync("ahead"))["state"]!, (int)(await CallbackAsync("ahead"))["attempts"]!));
        var done = await CallbackAsync("delivered");
        Assert.Equal(("delivered", 40, 204, null), ((string)done["state"]!, (int)done["attempts"]!, (int)done["status"]!, (string?)done["dueAt"]));
        Assert.Equal([(38, null, 0.5, null, "Connection refused"), (39, 503, 1.0, 5.5, null), (40, 204, 1.0, 0.0, null)], Posts(done));
        var without = await CallbackAsync("old");
        Assert.Equal(("refused", 2, "gone", 0), ((string)without["state"]!, (int)without["attempts"]!, (string)without["error"]!, without["posts"]!.AsArray().Count));

        async Task<JsonNode> CallbackAsync(string id) => (await scene.Gateway.SystemJsonAsync($"calls/{id}?queue={queue}"))["calls"]!.AsArray().Single()!["callback"]!;

        static (int, int?, double, double?, string?)[] Posts(JsonNode callback) =>
            [.. callback["posts"]!.AsArray().Select(post => ((int)post!["attempt"]!, (int?)post["status"], (double)post["seconds"]!, (double?)post["waited"], (string?)post["error"]))];
    }

    [Fact]
    public async Task A_call_on_its_way_is_found_with_its_attempt_and_its_due_time()
    {
        var seed = await new DeadLetterSeed(scene.JetStream, "q" + Guid.NewGuid().ToString("N")[..8]).CreateAsync();
        for (var i = 0; i < 40; i++)
        {
            await seed.WaitingAsync(DeadLetterSeed.Call("many") with { Attempt = 1, NotBefore = null });
        }

        var due = TimeProvider.System.GetUtcNow().AddHours(1);
        var first = TimeProvider.System.GetUtcNow().AddSeconds(-5);
        await seed.WaitingAsync(DeadLetterSeed.Call("a", "late") with { Attempt = 2, NotBefore = due, PastAttempts = [new PastAttempt { At = first, Status = 500, Seconds = 1 }] }, [1, 2, 3]);
        var aside = DeadLetterSeed.Call("a", "aside") with { Attempt = 1, NotBefore = due };
        await seed.PublishAsync(
            StreamNames.AsideSubject(seed.Queue, AsideGroup.At(due), aside.Priority, aside.FunctionName), [1], new NatsHeaders { [EnvelopeCodec.HeaderName] = EnvelopeCodec.Encode(aside) });
        var later = Assert.Single((await scene.Gateway.SystemJsonAsync("calls/aside?function=a"))["calls"]!.AsArray())!;
        Assert.Equal(("delayed", 0, due.UtcDateTime), ((string)later["state"]!, (int)later["attempts"]!, ((DateTimeOffset)later["dueAt"]!).UtcDateTime));
        await seed.WaitingAsync(DeadLetterSeed.Call("a", "early") with { Attempt = 1, NotBefore = null, Tags = ["x"] });

        var delayed = Assert.Single((await scene.Gateway.SystemJsonAsync("calls/late"))["calls"]!.AsArray())!;
        var waiting = Assert.Single((await scene.Gateway.SystemJsonAsync($"calls/early?queue={seed.Queue}"))["calls"]!.AsArray())!;

        Assert.Equal(("delayed", 1, 3, seed.Queue), ((string)delayed["state"]!, (int)delayed["attempts"]!, (int)delayed["size"]!, (string)delayed["queue"]!));
        Assert.Equal(due.UtcDateTime, ((DateTimeOffset)delayed["dueAt"]!).UtcDateTime);
        Assert.Equal(500, (int)delayed["sends"]![0]!["status"]!);
        Assert.Equal(("waiting", 0, "[\"x\"]"), ((string)waiting["state"]!, (int)waiting["attempts"]!, waiting["tags"]!.ToJsonString()));

        var consumer = await scene.JetStream.CreateOrUpdateConsumerAsync(StreamNames.Calls(seed.Queue), new ConsumerConfig(StreamNames.StaticNormal) { AckPolicy = ConsumerConfigAckPolicy.Explicit });
        await foreach (var _ in consumer.FetchNoWaitAsync<byte[]>(new NatsJSFetchOpts { MaxMsgs = 100 }))
        {
        }

        var running = Assert.Single((await scene.Gateway.SystemJsonAsync("calls/early"))["calls"]!.AsArray())!;
        Assert.Equal(("running", 1), ((string)running["state"]!, (int)running["attempts"]!));
    }

    [Fact]
    public async Task An_id_that_tells_its_time_is_found_wherever_it_lies_in_a_long_queue_also_where_the_clock_that_made_it_was_ahead()
    {
        var seed = await new DeadLetterSeed(scene.JetStream, "q" + Guid.NewGuid().ToString("N")[..8]).CreateAsync();
        var first = await SubmitAsync(TimeSpan.FromMinutes(1));
        await Task.WhenAll(Enumerable.Range(0, 64).Select(async _ =>
        {
            for (var i = 0; i < 70; i++)
            {
                await seed.WaitingAsync(DeadLetterSeed.Call("many"));
            }
        }));

        // The search begins at the id's own time, and goes on for fewer messages than lie before it.
        var early = await SubmitAsync(TimeSpan.FromSeconds(3));
        var late = await SubmitAsync(TimeSpan.FromSeconds(2));
        await seed.WaitingAsync(DeadLetterSeed.Call("many"));

        await Eventually.HoldsAsync(() => Connectors.Gateway.Enqueueing.FreshId.TimeOf(early) < TimeProvider.System.GetUtcNow(), "the time that the id tells is over");
        foreach (var id in new[] { first, early, late })
        {
            Assert.Equal("waiting", (string)(await scene.Gateway.SystemJsonAsync($"calls/{id}?queue={seed.Queue}"))["calls"]![0]!["state"]!);
        }

        // By a caller whose clock is so far ahead.
        async Task<string> SubmitAsync(TimeSpan ahead)
        {
            var id = Connectors.Gateway.Enqueueing.FreshId.Next(TimeProvider.System.GetUtcNow() + ahead);
            await seed.WaitingAsync(DeadLetterSeed.Call("a", id) with { Attempt = 1, NotBefore = null });
            return id;
        }
    }

    // The page looks every two seconds, at all streams of all queues.
    [Fact]
    public async Task What_lies_before_the_time_of_an_id_is_not_read_where_its_call_is_found()
    {
        const int Delayed = 200;
        var seed = await new DeadLetterSeed(scene.JetStream, "q" + Guid.NewGuid().ToString("N")[..8]).CreateAsync();
        for (var i = 0; i < Delayed; i++)
        {
            await seed.DelayedAsync(DeadLetterSeed.Call("many"));
        }

        await using var looks = await scene.JetStream.Connection.SubscribeCoreAsync<string>($"$JS.API.DIRECT.GET.{StreamNames.Aside(seed.Queue)}");

        // Those of the last seconds are read: clocks differ.
        await Eventually.HoldsAsync(
            async () =>
            {
                var id = Connectors.Gateway.Enqueueing.FreshId.Next(TimeProvider.System.GetUtcNow());
                await seed.WaitingAsync(DeadLetterSeed.Call("a", id) with { Attempt = 1, NotBefore = null });
                Looks();
                await scene.Gateway.SystemJsonAsync($"calls/{id}?queue={seed.Queue}");
                await scene.JetStream.Connection.PingAsync();
                return Looks() is > 0 and < Delayed / 2;
            },
            "the call is found without them");

        int Looks()
        {
            var count = 0;
            while (looks.Msgs.TryRead(out _))
            {
                count++;
            }

            return count;
        }
    }

    [Theory]
    [InlineData("calls?function=a/b", "function")]
    [InlineData("calls?queue=No", "queue")]
    [InlineData("calls?state=done", "state")]
    [InlineData("calls?state=callback", "state")]
    [InlineData("calls?since=yesterday", "since")]
    [InlineData("calls?since=1764320400", "2025-11-28T09:00:00Z")]
    [InlineData("calls?until=12", "limit", "&limit=0")]
    [InlineData("calls?limit=1001", "limit")]
    [InlineData("calls?limit=x", "limit")]
    [InlineData("calls?after=7", "after")]
    [InlineData("calls?after=q.1.1~q.1.1", "after")]
    [InlineData("calls?tag=a%20b", "tag")]
    [InlineData("calls/x?queue=No", "queue")]
    public async Task What_cannot_be_asked_is_400_and_named(string path, string name, string more = "")
    {
        var answer = await scene.Gateway.SystemAsync(HttpMethod.Get, path + more, expected: HttpStatusCode.BadRequest);

        Assert.Contains($"{name}", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_unknown_is_404_and_strangers_are_401()
    {
        await scene.Gateway.SystemAsync(HttpMethod.Get, "calls/nobody", expected: HttpStatusCode.NotFound);
        using var stranger = await scene.Gateway.SendAsync(HttpMethod.Get, "/system/calls");

        Assert.Equal(HttpStatusCode.Unauthorized, stranger.StatusCode);
    }

    [Fact]
    public async Task A_history_that_is_deleted_and_begun_anew_is_searched_anew()
    {
        var seed = await scene.SeedAsync();
        await seed.WriteAsync(HistorySeed.Call(id: "old"), HistorySeed.Call(id: "older"));
        await HoldsAsync(seed.Queue, "", ["older", "old"]);

        await scene.JetStream.DeleteStreamAsync(StreamNames.History(seed.Queue));
        await seed.CreateAsync();
        await seed.WriteAsync(HistorySeed.Call(id: "new"));

        await HoldsAsync(seed.Queue, "", ["new"]);
    }

    [Fact]
    public async Task Lines_that_are_none_of_ours_are_passed_over()
    {
        var seed = await scene.SeedAsync();
        await scene.JetStream.PublishAsync(StreamNames.HistorySubject(seed.Queue), "\n{}\nnot json\n{\"callId\":1}\n[]\n{\"callId\":\"x\",\"state\":\"succeeded\",\"fn\":\"a\",\"ns\":\"b\",\"ended\":\"2026-01-02T03:04:05Z\",\"tags\":[1,[\"y\"]],\"deliveryId\":null}\n"u8.ToArray(), NatsRawSerializer<byte[]>.Default);
        await seed.WriteAsync(HistorySeed.Call(id: "good"));

        await HoldsAsync(seed.Queue, "", ["good"]);
    }

    // From there nobody counts on.
    [Fact]
    public async Task A_call_that_was_sent_at_the_end_of_time_is_told()
    {
        var seed = await scene.SeedAsync();
        var line = $$"""
            {"callId":"end-of-time","deliveryId":"d","fn":"a","ns":"b","state":"succeeded","ended":"{{Noon:O}}","attempts":2,"sends":[{"at":"9999-12-31T23:59:59.9+00:00","status":500,"seconds":5},{"at":"9999-12-31T23:59:59.9+00:00","status":200,"seconds":1}]}
            """;
        await scene.JetStream.PublishAsync(StreamNames.HistorySubject(seed.Queue), Encoding.UTF8.GetBytes(line + "\n"), NatsRawSerializer<byte[]>.Default);
        await HoldsAsync(seed.Queue, "", ["end-of-time"]);

        var story = await scene.Gateway.SystemJsonAsync("calls/end-of-time");

        Assert.Equal([500, 200], story["calls"]![0]!["sends"]!.AsArray().Select(send => (int)send!["status"]!));
    }

    [Fact]
    public async Task A_line_that_is_gone_takes_no_other_out_of_its_page()
    {
        var seed = await scene.SeedAsync();
        await seed.WriteAsync(HistorySeed.Call(id: "oldest", ended: Noon));
        await seed.WriteAsync(HistorySeed.Call(id: "gone", ended: Noon.AddMinutes(1)));
        await seed.WriteAsync(HistorySeed.Call(id: "newest", ended: Noon.AddMinutes(2)));
        await HoldsAsync(seed.Queue, "", ["newest", "gone", "oldest"]);

        await scene.JetStream.DeleteMessageAsync(StreamNames.History(seed.Queue), new StreamMsgDeleteRequest { Seq = 2 });

        Assert.Equal(["newest", "oldest"], Ids(await scene.Gateway.SystemJsonAsync($"calls?queue={seed.Queue}&limit=2")));
    }

    private static IEnumerable<string> Ids(JsonNode page) => page["items"]!.AsArray().Select(item => (string)item!["callId"]!);

    private Task HoldsAsync(string queue, string query, string[] ids)
    {
        var seen = "";
        return Eventually.HoldsAsync(
            async () => (seen = string.Join(' ', Ids(await scene.Gateway.SystemJsonAsync($"calls?queue={queue}{query}")))) == string.Join(' ', ids),
            () => $"{query} lists {string.Join(' ', ids)}, not {seen}");
    }

    private async Task<int> CountAsync(string queue)
    {
        var count = 0;
        for (string? next = ""; next is not null;)
        {
            var page = await scene.Gateway.SystemJsonAsync($"calls?queue={queue}&limit=1000{(next.Length > 0 ? $"&after={next}" : "")}");
            count += page["items"]!.AsArray().Count;
            next = (string?)page["next"];
        }

        return count;
    }
}
