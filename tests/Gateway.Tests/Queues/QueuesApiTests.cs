using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Gateway.Tests.Queues;

/// <summary>The Queues API of docs/queues.md, against dead letters as a worker writes them.</summary>
public sealed class QueuesApiTests(QueueFixture fixture) : IClassFixture<QueueFixture>
{
    private readonly TestGateway _gateway = fixture.Gateway;
    private readonly StoredCalls _stored = fixture.Stored;

    [Theory]
    [InlineData("X_ASIDE")]
    [InlineData("OF_ASIDE")]
    public async Task A_foreign_stream_with_such_an_ending_is_no_queues(string name)
    {
        var seed = await SeedAsync();
        await _stored.JetStream.CreateStreamAsync(new StreamConfig(name, [name]));
        await seed.PublishAsync(name, [], []);

        Assert.Contains((await _gateway.SystemJsonAsync("queues")).AsArray(), queue => queue!["name"]!.ToString() == seed.Queue);
    }

    [Theory]
    [InlineData("GET", "")]
    [InlineData("GET", "/faas-request")]
    [InlineData("DELETE", "/faas-request/calls")]
    [InlineData("GET", "/faas-request/dead")]
    [InlineData("GET", "/faas-request/redrives")]
    [InlineData("POST", "/faas-request/redrives")]
    public async Task Every_route_asks_for_credentials(string method, string path)
    {
        using var answer = await _gateway.SendAsync(new HttpMethod(method), "/system/queues" + path);

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    [Fact]
    public async Task A_queue_shows_what_lies_in_its_streams()
    {
        var seed = await SeedAsync();
        await seed.WaitingAsync(DeadLetterSeed.Call("one"));
        await seed.WaitingAsync(DeadLetterSeed.Call("two") with { Priority = Priority.High });
        await seed.WaitingAsync(DeadLetterSeed.Call("two"));
        await seed.TellingAsync(DeadLetterSeed.Call("two"));
        await seed.DeadAsync(DeadLetterSeed.Call("three"));

        var listed = (await _gateway.SystemJsonAsync("queues")).AsArray().Single(q => q!["name"]!.ToString() == seed.Queue)!;
        var shown = await _gateway.SystemJsonAsync($"queues/{seed.Queue}");

        Assert.Equal($$"""{"name":"{{seed.Queue}}","calls":3,"delayed":0,"held":0,"callbacks":1,"dead":1,"paused":null,"pausedFunctions":[],"unreachableFunctions":[]}""", listed.ToJsonString());
        Assert.Equal(3, (int)shown["calls"]!);
        Assert.EndsWith("Z", shown["oldestAt"]!.ToString(), StringComparison.Ordinal);
        Assert.Equal(
            """[{"function":"one.openfaas-fn","calls":1,"delayed":0,"held":0,"callbacks":0,"dead":0,"paused":null,"breaker":null},{"function":"three.openfaas-fn","calls":0,"delayed":0,"held":0,"callbacks":0,"dead":1,"paused":null,"breaker":null},{"function":"two.openfaas-fn","calls":2,"delayed":0,"held":0,"callbacks":1,"dead":0,"paused":null,"breaker":null}]""",
            shown["functions"]!.ToJsonString());
    }

    [Fact]
    public async Task Running_is_what_the_workers_say_and_not_what_they_handed_back_with_a_delay()
    {
        var seed = await SeedAsync();
        for (var i = 0; i < 3; i++)
        {
            await seed.WaitingAsync(DeadLetterSeed.Call("one"));
        }

        var consumer = await _stored.JetStream.CreateOrUpdateConsumerAsync(
            StreamNames.Calls(seed.Queue), new ConsumerConfig(StreamNames.StaticNormal) { AckPolicy = ConsumerConfigAckPolicy.Explicit });
        await foreach (var message in consumer.FetchNoWaitAsync<byte[]>(new NatsJSFetchOpts { MaxMsgs = 100 }))
        {
            await message.NakAsync(new AckOpts { NakDelay = TimeSpan.FromHours(1) });
        }

        var shown = await _gateway.SystemJsonAsync($"queues/{seed.Queue}");
        Assert.Equal((3, 0), ((int)shown["calls"]!, (int)shown["running"]!));

        await Eventually.HoldsAsync(
            async () =>
            {
                await _stored.ReportAsync(seed.Queue, "one.openfaas-fn", running: 2);
                return (int)(await _gateway.SystemJsonAsync($"queues/{seed.Queue}"))["running"]! == 2;
            },
            "what a worker says that it runs is told");
    }

    [Theory]
    [InlineData("GET", "queues/nosuch")]
    [InlineData("GET", "queues/nosuch/dead")]
    [InlineData("GET", "queues/UPPER/dead")]
    [InlineData("DELETE", "queues/nosuch/calls")]
    [InlineData("GET", "queues/faas-request/dead/77")]
    [InlineData("DELETE", "queues/faas-request/dead/77")]
    [InlineData("POST", "queues/faas-request/dead/77/redrive")]
    [InlineData("GET", "queues/faas-request/redrives/0123456789abcdef0123456789abcdef")]
    [InlineData("GET", "queues/nosuch/redrives")]
    [InlineData("POST", "queues/nosuch/redrives")]
    public async Task What_is_not_there_is_404_in_plain_text(string method, string path)
    {
        var text = await _gateway.SystemAsync(new HttpMethod(method), path, expected: HttpStatusCode.NotFound);

        Assert.DoesNotContain("{", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("limit=0")]
    [InlineData("limit=1001")]
    [InlineData("limit=x")]
    [InlineData("after=-1")]
    [InlineData("function=a%20b")]
    [InlineData("tag=a%20b")]
    [InlineData("since=1764320400")]
    [InlineData("until=05/06/2026")]
    public async Task A_query_that_means_nothing_is_400(string query) =>
        await _gateway.SystemAsync(HttpMethod.Get, $"queues/faas-request/dead?{query}", expected: HttpStatusCode.BadRequest);

    [Fact]
    public async Task A_dead_letter_is_shown_byte_for_byte_with_its_biography()
    {
        var seed = await SeedAsync();
        var body = Enumerable.Range(0, 256).Select(b => (byte)b).ToArray();
        var call = DeadLetterSeed.Call() with { Headers = [new Header("Authorization", "Bearer hidden")] };
        var seq = await seed.DeadAsync(call, body);
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(_gateway.Api, $"/system/queues/{seed.Queue}/dead/{seq}"));
        request.Headers.TryAddWithoutValidation("Authorization", TestGateway.Admin);

        using var answer = await _gateway.Http.SendAsync(request);

        Assert.Equal(body, await answer.Content.ReadAsByteArrayAsync());
        Assert.Equal(call.CallId, answer.Headers.GetValues("X-Dead-Call-Id").Single());
        Assert.Equal("echo.openfaas-fn", answer.Headers.GetValues("X-Dead-Function").Single());
        Assert.Equal("exhausted", answer.Headers.GetValues("X-Dead-Reason").Single());
        Assert.Equal("500", answer.Headers.GetValues("X-Dead-Status").Single());
        Assert.Equal("3", answer.Headers.GetValues("X-Dead-Attempts").Single());
        Assert.Equal("boom", answer.Headers.GetValues("X-Dead-Error").Single());
        Assert.DoesNotContain("hidden", answer.Headers.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Dead_letters_are_found_by_function_and_reason()
    {
        var seed = await SeedAsync();
        await seed.DeadAsync(DeadLetterSeed.Call("one", "a"), new byte[7]);
        await seed.DeadAsync(DeadLetterSeed.Call("one", "b"), reason: DeadReasons.Failed);
        await seed.DeadAsync(DeadLetterSeed.Call("two", "c"), reason: DeadReasons.Failed);

        var all = await PageAsync(seed, "");
        var one = await PageAsync(seed, "function=one.openfaas-fn");
        var short_ = await PageAsync(seed, "function=one&reason=failed");
        var failed = await PageAsync(seed, "reason=failed&limit=1");

        Assert.Equal(["a", "b", "c"], all.Ids);
        Assert.Equal(["a", "b"], one.Ids);
        Assert.Equal(["b"], short_.Ids);
        Assert.Equal(["b"], failed.Ids);
        Assert.Equal(2ul, failed.Next);
        Assert.Equal(7, (int)all.Items[0]!["size"]!);
        Assert.Null(all.Next);
    }

    [Fact]
    public async Task Paging_through_10_000_dead_letters_while_others_arrive_neither_skips_nor_repeats()
    {
        var seed = await SeedAsync();
        await seed.DeadAsync(10_000, i => DeadLetterSeed.Call($"f{i % 3}", $"old-{i}"));
        using var stop = new CancellationTokenSource();
        var arriving = Task.Run(async () =>
        {
            var more = 0;
            while (!stop.IsCancellationRequested)
            {
                await seed.DeadAsync(DeadLetterSeed.Call("late", $"new-{more++}"));
            }

            return more;
        });

        var seen = new List<string>();
        ulong? next = 0;
        var pages = 0;
        while (next is { } after && seen.Count < 12_000)
        {
            var page = await PageAsync(seed, $"limit=777&after={after}");
            seen.AddRange(page.Ids);
            next = page.Next;
            pages++;
        }

        await stop.CancelAsync();
        var added = await arriving;

        Assert.Equal(seen.Count, seen.Distinct().Count());
        Assert.Equal(10_000, seen.Count(id => id.StartsWith("old-", StringComparison.Ordinal)));
        Assert.True(pages >= 13 && added > 0, $"{pages} pages, {added} arrived");
    }

    [Theory]
    [InlineData(10_050, 0, 10_000)]
    [InlineData(70, 1_000_000, 68)]
    public async Task One_page_of_delayed_calls_reads_a_bounded_part_of_what_is_held(int held, int bytes, int read)
    {
        var seed = await SeedAsync();
        await seed.HeldAsync(held, new byte[bytes]);
        await seed.DelayedAsync(DeadLetterSeed.Call("later", "late"));

        var first = await _gateway.SystemJsonAsync($"queues/{seed.Queue}/delayed");
        var second = await _gateway.SystemJsonAsync($"queues/{seed.Queue}/delayed?after={first["next"]}");

        Assert.Equal($$"""{"items":[],"next":{{read}}}""", first.ToJsonString());
        Assert.Equal(["late"], second["items"]!.AsArray().Select(item => item!["callId"]!.ToString()));
        Assert.Null(second["next"]);
    }

    [Fact]
    public async Task Where_no_call_is_delayed_none_that_is_held_is_read_for_it()
    {
        var seed = await SeedAsync();
        await seed.HeldAsync(3);
        await using var reads = await _stored.ListenAsync($"$JS.API.DIRECT.GET.{StreamNames.Aside(seed.Queue)}");

        var page = await _gateway.SystemJsonAsync($"queues/{seed.Queue}/delayed");

        Assert.Equal("""{"items":[],"next":null}""", page.ToJsonString());
        var stream = await _stored.JetStream.GetStreamAsync(StreamNames.Aside(seed.Queue));
        await stream.GetDirectAsync(new StreamMsgGetRequest { Seq = 3 }, NatsRawSerializer<byte[]>.Default);
        Assert.Contains("\"seq\":3", (await reads.Msgs.ReadAsync()).Data, StringComparison.Ordinal);
    }

    [Fact]
    public async Task R16_a_purge_of_one_function_leaves_the_others_calls_all_callbacks_and_dead_letters()
    {
        var seed = await SeedAsync();
        foreach (var function in new[] { "mine", "yours" })
        {
            await seed.WaitingAsync(DeadLetterSeed.Call(function));
            await seed.WaitingAsync(DeadLetterSeed.Call(function) with { Priority = Priority.High });
            await seed.TellingAsync(DeadLetterSeed.Call(function));
            await seed.DeadAsync(DeadLetterSeed.Call(function));
        }

        var answer = await _gateway.SystemAsync(HttpMethod.Delete, $"queues/{seed.Queue}/calls?function=mine.openfaas-fn");

        Assert.Equal("""{"purged":2}""", answer);
        Assert.Equal(2, await seed.CountAsync(StreamNames.Calls(seed.Queue)));
        Assert.Equal(2, await seed.CountAsync(StreamNames.Callbacks(seed.Queue)));
        Assert.Equal(2, await seed.CountAsync(StreamNames.Dead(seed.Queue)));
        Assert.Equal("""{"purged":2}""", await _gateway.SystemAsync(HttpMethod.Delete, $"queues/{seed.Queue}/calls"));
    }

    [Fact]
    public async Task What_a_purge_would_remove_is_counted_and_nothing_of_another_namespaces_function()
    {
        var seed = await SeedAsync();
        await seed.WaitingAsync(DeadLetterSeed.Call("mine"));
        await seed.WaitingAsync(DeadLetterSeed.Call("mine") with { Priority = Priority.High });
        await seed.DelayedAsync(DeadLetterSeed.Call("mine"));
        await seed.HeldAsync(DeadLetterSeed.Call("mine"));
        await seed.WaitingAsync(DeadLetterSeed.Call("mine") with { Namespace = "other" });
        await seed.WaitingAsync(DeadLetterSeed.Call("yours"));
        await seed.TellingAsync(DeadLetterSeed.Call("mine"));
        await seed.DeadAsync(DeadLetterSeed.Call("mine"));

        Assert.Equal("""{"count":4}""", await CountAsync("?function=mine"));
        Assert.Equal("""{"count":4}""", await CountAsync("?function=mine.openfaas-fn"));
        Assert.Equal("""{"count":1}""", await CountAsync("?function=mine.other"));
        Assert.Equal("""{"count":0}""", await CountAsync("?function=nobody"));
        Assert.Equal("""{"count":6}""", await CountAsync(""));
        Assert.Equal("""{"purged":4}""", await _gateway.SystemAsync(HttpMethod.Delete, $"queues/{seed.Queue}/calls?function=mine"));
        Assert.Equal("""{"count":2}""", await CountAsync(""));
        await _gateway.SystemAsync(HttpMethod.Get, "queues/nosuch/calls/count", expected: HttpStatusCode.NotFound);
        await _gateway.SystemAsync(HttpMethod.Get, $"queues/{seed.Queue}/calls/count?function=a%20b", expected: HttpStatusCode.BadRequest);

        Task<string> CountAsync(string query) => _gateway.SystemAsync(HttpMethod.Get, $"queues/{seed.Queue}/calls/count{query}");
    }

    [Fact]
    public async Task R16_what_workers_run_is_neither_counted_nor_told_as_purged()
    {
        var seed = await SeedAsync();
        for (var call = 0; call < 3; call++)
        {
            await seed.WaitingAsync(DeadLetterSeed.Call("mine"));
        }

        await seed.HeldAsync(DeadLetterSeed.Call("mine"));
        await seed.WaitingAsync(DeadLetterSeed.Call("yours"));

        await RunsAsync(1, "?function=mine", 3);
        await RunsAsync(1, "", 4);
        await RunsAsync(7, "?function=mine", 1);
        await RunsAsync(1, "?function=mine", 3);

        Assert.Equal("""{"purged":3}""", await _gateway.SystemAsync(HttpMethod.Delete, $"queues/{seed.Queue}/calls?function=mine"));
        Assert.Equal(1, await seed.CountAsync(StreamNames.Calls(seed.Queue)));

        Task RunsAsync(long running, string query, long count) => Eventually.HoldsAsync(
            async () =>
            {
                await _stored.ReportAsync(seed.Queue, "mine.openfaas-fn", running);
                return await _gateway.SystemAsync(HttpMethod.Get, $"queues/{seed.Queue}/calls/count{query}") == $$"""{"count":{{count}}}""";
            },
            $"{count} are counted of {query}");
    }

    [Fact]
    public async Task R14_a_redriven_call_starts_anew_and_leaves_the_dead_letters()
    {
        var seed = await SeedAsync();
        var call = DeadLetterSeed.Call() with { Redrive = 1, Retry = new RetrySettings { MaxAge = TimeSpan.FromMinutes(5) }, Deadline = TimeProvider.System.GetUtcNow() };
        var seq = await seed.DeadAsync(call, Encoding.UTF8.GetBytes("hi"), DeadKind.Expired, DeadReasons.Expired);

        await _gateway.SystemAsync(HttpMethod.Post, $"queues/{seed.Queue}/dead/{seq}/redrive", expected: HttpStatusCode.Accepted);
        var again = await _stored.LastAsync(seed.Queue);

        Assert.Equal(0, await seed.CountAsync(StreamNames.Dead(seed.Queue)));
        Assert.Equal("hi", Encoding.UTF8.GetString(again.Body));
        Assert.Equal(StreamNames.RedriveMessageId(call.DeliveryId, 2), again.Headers["Nats-Msg-Id"]);
        Assert.Equal((2, 1, null), (again.Envelope.Redrive, again.Envelope.Attempt, again.Envelope.NotBefore));
        Assert.Equal((call.CallId, call.DeliveryId), (again.Envelope.CallId, again.Envelope.DeliveryId));
        Assert.True(again.Envelope.Deadline > TimeProvider.System.GetUtcNow().AddMinutes(4), "its age counts anew");
    }

    [Fact]
    public async Task R14_a_gateway_that_died_before_the_delete_leaves_one_call_after_the_next_redrive()
    {
        var seed = await SeedAsync();
        var call = DeadLetterSeed.Call();
        var seq = await seed.DeadAsync(call);
        var published = call with { Redrive = 1, Attempt = 1 };
        await seed.PublishAsync(
            StreamNames.CallSubject(seed.Queue, Priority.Normal, call.FunctionName),
            [],
            new NatsHeaders { [EnvelopeCodec.HeaderName] = EnvelopeCodec.Encode(published), ["Nats-Msg-Id"] = StreamNames.RedriveMessageId(call.DeliveryId, 1) });

        await _gateway.SystemAsync(HttpMethod.Post, $"queues/{seed.Queue}/dead/{seq}/redrive", expected: HttpStatusCode.Accepted);

        Assert.Equal(1, await seed.CountAsync(StreamNames.Calls(seed.Queue)));
        Assert.Equal(0, await seed.CountAsync(StreamNames.Dead(seed.Queue)));
    }

    [Fact]
    public async Task A_dead_callback_is_redriven_as_a_callback_of_its_own()
    {
        var seed = await SeedAsync();
        var call = DeadLetterSeed.Call();
        var record = new CallbackRecord { Status = 200, Since = TimeProvider.System.GetUtcNow().AddDays(-2), Attempt = 9, NotBefore = TimeProvider.System.GetUtcNow() };
        var seq = await seed.DeadAsync(call, [1, 2], DeadKind.Callback, DeadReasons.CallbackExpired, record);

        await _gateway.SystemAsync(HttpMethod.Post, $"queues/{seed.Queue}/dead/{seq}/redrive", expected: HttpStatusCode.Accepted);
        var stream = await _stored.JetStream.GetStreamAsync(StreamNames.Callbacks(seed.Queue));
        var message = (await stream.GetAsync(new() { Seq = stream.Info.State.LastSeq })).Message;
        var headers = Encoding.ASCII.GetString(Convert.FromBase64String(message.Hdrs!));

        Assert.Equal(0, await seed.CountAsync(StreamNames.Calls(seed.Queue)));
        Assert.Equal(0, await seed.CountAsync(StreamNames.Dead(seed.Queue)));
        Assert.Equal([1, 2], message.Data.ToArray());
        Assert.Contains($"v.b.{call.DeliveryId}.0.v1", headers, StringComparison.Ordinal);
        Assert.Contains("\"attempt\":1", headers, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("call.x.y")]
    [InlineData("call.x.=0A")]
    [InlineData("call.=00a.=7F=0D")]
    [InlineData("odd.x.=C3=BC")]
    public async Task A_foreign_message_can_be_read_and_deleted_but_not_redriven(string subject)
    {
        var seed = await SeedAsync();
        var seq = await seed.PublishAsync($"{seed.Queue}.dead.{subject}", [1], new NatsHeaders { ["Some"] = "thing" });

        await _gateway.SystemAsync(HttpMethod.Post, $"queues/{seed.Queue}/dead/{seq}/redrive", expected: HttpStatusCode.Conflict);
        await _gateway.SystemAsync(HttpMethod.Get, $"queues/{seed.Queue}/dead/{seq}");
        await _gateway.SystemAsync(HttpMethod.Delete, $"queues/{seed.Queue}/dead/{seq}", expected: HttpStatusCode.NoContent);
        await _gateway.SystemAsync(HttpMethod.Delete, $"queues/{seed.Queue}/dead/{seq}", expected: HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Without_NATS_the_queues_answer_503()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats, ("nats_publish_timeout", "200ms"));
        await Eventually.HoldsAsync(async () => (await gateway.SystemAsync(HttpMethod.Get, "queues/faas-request")).Length > 0, "the queue is there");

        await nats.KillAsync();

        await Eventually.HoldsAsync(async () => (await gateway.SystemAsync(HttpMethod.Get, "queues", expected: HttpStatusCode.ServiceUnavailable)).Length > 0, "503");
        await gateway.SystemAsync(HttpMethod.Get, "queues/faas-request/dead", expected: HttpStatusCode.ServiceUnavailable);
        await gateway.SystemAsync(HttpMethod.Post, "queues/faas-request/dead/1/redrive", expected: HttpStatusCode.ServiceUnavailable);
        await gateway.SystemAsync(HttpMethod.Delete, "queues/faas-request/calls", expected: HttpStatusCode.ServiceUnavailable);
        await gateway.SystemAsync(HttpMethod.Post, "queues/faas-request/pause", expected: HttpStatusCode.ServiceUnavailable);
        await gateway.SystemAsync(HttpMethod.Get, "queues/faas-request/redrives/0123456789abcdef0123456789abcdef", expected: HttpStatusCode.ServiceUnavailable);
        await gateway.SystemAsync(HttpMethod.Get, "calls/cancellations/count", expected: HttpStatusCode.ServiceUnavailable);

        // Whatever else is wrong with it, but for a name that no queue can have.
        await gateway.SystemAsync(HttpMethod.Get, "queues/faas-request/dead?limit=0", expected: HttpStatusCode.ServiceUnavailable);
        await gateway.SystemAsync(HttpMethod.Get, "queues/UPPER/dead", expected: HttpStatusCode.NotFound);
    }

    private Task<DeadLetterSeed> SeedAsync() => new DeadLetterSeed(_stored.JetStream, "q" + Guid.NewGuid().ToString("N")[..8]).CreateAsync();

    private async Task<Page> PageAsync(DeadLetterSeed seed, string query)
    {
        var page = await _gateway.SystemJsonAsync($"queues/{seed.Queue}/dead?{query}");
        return new Page(page["items"]!.AsArray(), (ulong?)page["next"]);
    }

    private sealed record Page(JsonArray Items, ulong? Next)
    {
        public IEnumerable<string> Ids => Items.Select(i => i!["callId"]!.ToString());
    }
}
