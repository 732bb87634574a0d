using System.Net;
using System.Text;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream.Models;

namespace Connectors.Gateway.Tests.Queues;

/// <summary>Dead letters that are edited before their redrive, and such as are counted and deleted together.</summary>
public sealed class DeadEditTests(QueueFixture fixture) : IClassFixture<QueueFixture>
{
    private readonly TestGateway _gateway = fixture.Gateway;
    private readonly StoredCalls _stored = fixture.Stored;

    [Fact]
    public async Task R19_an_edited_call_starts_anew_as_it_is_to_be_and_tells_what_it_came_from()
    {
        var seed = await SeedAsync();
        await _gateway.DeployAsync("healed", "cat", annotations: new Dictionary<string, string> { ["com.openfaas.retry.max_age"] = "5m", ["com.openfaas.queue.max_inflight"] = "3", ["com.openfaas.breaker.failures"] = "2" });
        var call = DeadLetterSeed.Call() with
        {
            Redrive = 1,
            Path = "/p",
            Headers = [new Header("X-A", "1"), new Header("x-a", "2"), new Header("Content-Type", "text/plain")],
            Retry = new RetrySettings { Attempts = 9 },
            IsBare = true,
        };
        var seq = await seed.DeadAsync(call, Encoding.UTF8.GetBytes("bad"));

        await EditAsync(seed, seq, new { function = "healed", body = "gr\u00fc\u00dfe", headers = new Dictionary<string, string?> { ["X-a"] = "3", ["X-B"] = "4", ["content-type"] = null } });
        var again = await _stored.LastAsync(seed.Queue);

        Assert.Equal(0, await seed.CountAsync(StreamNames.Dead(seed.Queue)));
        Assert.Equal("gr\u00fc\u00dfe", Encoding.UTF8.GetString(again.Body));
        Assert.Equal([new Header("X-a", "3"), new Header("X-B", "4")], again.Envelope.Headers);
        Assert.Equal($"{seed.Queue}.call.normal.openfaas-fn.healed", again.Subject);
        Assert.Equal(StreamNames.RedriveMessageId(call.DeliveryId, 2), again.Headers["Nats-Msg-Id"]);
        Assert.Equal((2, 1, null, "/p"), (again.Envelope.Redrive, again.Envelope.Attempt, again.Envelope.NotBefore, again.Envelope.Path));
        Assert.Equal((call.CallId, call.DeliveryId), (again.Envelope.CallId, again.Envelope.DeliveryId));
        Assert.Equal((null, 3), (again.Envelope.Retry?.Attempts, again.Envelope.MaxInflight));
        Assert.Equal("healed.openfaas-fn", again.Envelope.NameAsCalled);
        Assert.True(again.Envelope.Deadline > TimeProvider.System.GetUtcNow().AddMinutes(4), "the other function's greatest age counts");
        Assert.Equal((seq, "echo.openfaas-fn"), (again.Envelope.Edited!.Seq, again.Envelope.Edited.Function));
        Assert.Equal(["body", "headers", "function"], again.Envelope.Edited.Changed);
        Assert.Equal(1, await _gateway.Process.MetricAsync($"gateway_dead_letters_handled_total{{queue_name=\"{seed.Queue}\",action=\"edited\"}}"));
        await _gateway.Process.Process.LineAsync(
            line => line.Contains("Dead letter edited and put back", StringComparison.Ordinal) && line.Contains(call.DeliveryId, StringComparison.Ordinal) && line.Contains("admin", StringComparison.Ordinal), "it is told who did what");
    }

    [Fact]
    public async Task What_is_not_edited_stays()
    {
        var seed = await SeedAsync();
        var call = DeadLetterSeed.Call() with { Headers = [new Header("X-A", "1")], Retry = new RetrySettings { Attempts = 9 }, IsBare = true };
        byte[] body = [0, 255, 10];

        await EditAsync(seed, await seed.DeadAsync(call, body), new { headers = new Dictionary<string, string?> { ["X-B"] = "2" } });
        var headers = await _stored.LastAsync(seed.Queue);
        await EditAsync(seed, await seed.DeadAsync(call with { DeliveryId = "other" }), new { bodyBase64 = Convert.ToBase64String(body) });
        var bytes = await _stored.LastAsync(seed.Queue);

        Assert.Equal(body, headers.Body);
        Assert.Equal((call.Function, 9), (headers.Envelope.Function, headers.Envelope.Retry?.Attempts));
        Assert.Equal(call.Function, headers.Envelope.NameAsCalled);
        Assert.Equal([new Header("X-A", "1"), new Header("X-B", "2")], headers.Envelope.Headers);
        Assert.Equal(body, bytes.Body);
        Assert.Equal(call.Headers, bytes.Envelope.Headers);
    }

    // The gateway dies between the two: the edited call is stored, and its letter is still there.
    [Theory]
    [InlineData("redrive", null)]
    [InlineData("edit", "otherwise")]
    public async Task R19_a_gateway_that_died_before_the_delete_leaves_one_call_as_it_was_edited_first(string then, string? body)
    {
        var seed = await SeedAsync();
        var call = DeadLetterSeed.Call();
        var seq = await seed.DeadAsync(call, Encoding.UTF8.GetBytes("bad"));
        var published = call with { Redrive = 1, Attempt = 1 };
        await seed.PublishAsync(
            StreamNames.CallSubject(seed.Queue, Priority.Normal, call.FunctionName),
            Encoding.UTF8.GetBytes("edited"),
            new NatsHeaders { [EnvelopeCodec.HeaderName] = EnvelopeCodec.Encode(published), ["Nats-Msg-Id"] = StreamNames.RedriveMessageId(call.DeliveryId, 1) });

        var answer = await AskAsync(seed, seq, then, body is null ? null : new { body });

        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        Assert.Equal(then == "edit", answer.Headers.Contains("X-Duplicate"));
        Assert.Equal(1, await seed.CountAsync(StreamNames.Calls(seed.Queue)));
        Assert.Equal("edited", Encoding.UTF8.GetString((await _stored.LastAsync(seed.Queue)).Body));
        Assert.Equal(0, await seed.CountAsync(StreamNames.Dead(seed.Queue)));
    }

    [Fact]
    public async Task R19_a_full_queue_leaves_the_letter_as_it_was()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats, ("nats_publish_timeout", "1s"));
        await using var stored = new StoredCalls(nats);
        var seed = await new DeadLetterSeed(stored.JetStream, "small").CreateAsync();
        var seq = await seed.DeadAsync(DeadLetterSeed.Call(), Encoding.UTF8.GetBytes("bad"));
        await seed.WaitingAsync(DeadLetterSeed.Call());
        var config = (await stored.JetStream.GetStreamAsync("OF_small")).Info.Config;
        config.MaxMsgs = 1;
        await stored.JetStream.UpdateStreamAsync(config);

        await gateway.SystemAsync(HttpMethod.Post, $"queues/small/dead/{seq}/edit", new { body = "good" }, HttpStatusCode.ServiceUnavailable);

        Assert.Equal("bad", await gateway.SystemAsync(HttpMethod.Get, $"queues/small/dead/{seq}"));
        Assert.Equal(1, await seed.CountAsync("OF_small"));
    }

    [Theory]
    [InlineData("{}", HttpStatusCode.BadRequest, "body or bodyBase64")]
    [InlineData("nonsense", HttpStatusCode.BadRequest, "No JSON")]
    [InlineData("null", HttpStatusCode.BadRequest, "body or bodyBase64")]
    [InlineData("""{"bdoy":"x"}""", HttpStatusCode.BadRequest, "No JSON of an edit")]
    [InlineData("""{"body":"x","bodyBase64":"eA=="}""", HttpStatusCode.BadRequest, "only one of them")]
    [InlineData("""{"bodyBase64":"x"}""", HttpStatusCode.BadRequest, "bodyBase64")]
    [InlineData("""{"function":"nobody"}""", HttpStatusCode.BadRequest, "there is no function nobody.openfaas-fn")]
    [InlineData("""{"function":"a b"}""", HttpStatusCode.BadRequest, "function:")]
    [InlineData("""{"function":""}""", HttpStatusCode.BadRequest, "function:")]
    [InlineData("""{"headers":{"Host":"x"}}""", HttpStatusCode.BadRequest, "Host cannot be changed")]
    [InlineData("""{"headers":{"x-callback-url":"http://x"}}""", HttpStatusCode.BadRequest, "x-callback-url cannot be changed")]
    [InlineData("""{"headers":{"X-Delay":"1h"}}""", HttpStatusCode.BadRequest, "X-Delay cannot be changed")]
    [InlineData("""{"headers":{"x-not-before":null}}""", HttpStatusCode.BadRequest, "x-not-before cannot be changed")]
    [InlineData("""{"headers":{"X-Call-Tags":"a"}}""", HttpStatusCode.BadRequest, "X-Call-Tags cannot be changed")]
    [InlineData("""{"headers":{"Connection":null}}""", HttpStatusCode.BadRequest, "Connection cannot be changed")]
    [InlineData("""{"headers":{"a b":"x"}}""", HttpStatusCode.BadRequest, "a b")]
    [InlineData("""{"headers":{"X-A":"x\ny"}}""", HttpStatusCode.BadRequest, "X-A")]
    [InlineData("""{"headers":{"X-A":7}}""", HttpStatusCode.BadRequest, "X-A")]
    public async Task What_cannot_be_meant_is_refused_by_name_and_the_letter_stays(string json, HttpStatusCode expected, string named)
    {
        var seed = await SeedAsync();
        var seq = await seed.DeadAsync(DeadLetterSeed.Call(), Encoding.UTF8.GetBytes("bad"));

        using var answer = await _gateway.PostAsync($"/system/queues/{seed.Queue}/dead/{seq}/edit", json, ("Authorization", TestGateway.Admin), ("Content-Type", "application/json"));

        Assert.Equal(expected, answer.StatusCode);
        Assert.Contains(named, await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal((1, 0), (await seed.CountAsync(StreamNames.Dead(seed.Queue)), await seed.CountAsync(StreamNames.Calls(seed.Queue))));
    }

    [Fact]
    public async Task What_is_too_large_is_refused_with_the_limit()
    {
        var seed = await SeedAsync();
        var seq = await seed.DeadAsync(DeadLetterSeed.Call());

        Assert.Contains("1000000", await EditAsync(seed, seq, new { body = new string('x', 1_000_001) }, HttpStatusCode.RequestEntityTooLarge), StringComparison.Ordinal);
        Assert.Contains("32768", await EditAsync(seed, seq, new { headers = new { Big = new string('x', 33_000) } }, HttpStatusCode.RequestHeaderFieldsTooLarge), StringComparison.Ordinal);
        await EditAsync(seed, seq, new { bodyBase64 = Convert.ToBase64String(new byte[1_000_000]) });

        Assert.Equal(1_000_000, (await _stored.LastAsync(seed.Queue)).Body.Length);
    }

    [Fact]
    public async Task A_callback_and_what_is_not_ours_or_not_whole_cannot_be_edited()
    {
        var seed = await SeedAsync();
        var record = new CallbackRecord { Status = 200, Since = TimeProvider.System.GetUtcNow() };
        var callback = await seed.DeadAsync(DeadLetterSeed.Call(), [1], DeadKind.Callback, DeadReasons.CallbackRefused, record);
        var foreign = await seed.PublishAsync($"{seed.Queue}.dead.call.x.y", [1], new NatsHeaders { ["Some"] = "thing" });

        Assert.Contains("callback", await EditAsync(seed, callback, new { body = "x" }, HttpStatusCode.Conflict), StringComparison.Ordinal);
        Assert.Contains("no call of ours", await EditAsync(seed, foreign, new { body = "x" }, HttpStatusCode.Conflict), StringComparison.Ordinal);
        await EditAsync(seed, 77, new { body = "x" }, HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task An_edited_call_that_dies_again_shows_what_it_was()
    {
        var seed = await SeedAsync();
        var seq = await seed.DeadAsync(DeadLetterSeed.Call() with
        {
            Edited = new EditedFrom { Seq = 12, Function = "old.openfaas-fn", Changed = ["body", "function"], At = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero) },
        });
        using var answer = await _gateway.SendAsync(HttpMethod.Get, $"/system/queues/{seed.Queue}/dead/{seq}", null, ("Authorization", TestGateway.Admin));

        Assert.Equal("body,function; was 12 of old.openfaas-fn; 2026-01-02T03:04:05.0000000Z", answer.Headers.GetValues("X-Dead-Edited").Single());
    }

    [Fact]
    public async Task Letters_are_counted_deleted_and_redriven_by_function_reason_and_time()
    {
        var seed = await SeedAsync();
        await seed.DeadAsync(DeadLetterSeed.Call("one", "a"));
        await seed.DeadAsync(DeadLetterSeed.Call("one", "b"), reason: DeadReasons.Failed);
        await seed.DeadAsync(DeadLetterSeed.Call("two", "c"), reason: DeadReasons.Failed);
        var before = Uri.EscapeDataString(TimeProvider.System.GetUtcNow().AddHours(-1).ToString("O"));
        var after = Uri.EscapeDataString(TimeProvider.System.GetUtcNow().AddHours(1).ToString("O"));

        Assert.Equal(3, await CountAsync(""));
        Assert.Equal(2, await CountAsync("function=one"));
        Assert.Equal(1, await CountAsync("function=one&reason=failed"));
        Assert.Equal(3, await CountAsync($"since={before}&until={after}"));
        Assert.Equal(3, await CountAsync("until=0s"));
        Assert.Equal(0, await CountAsync("until=200000000h"));
        Assert.Equal(0, await CountAsync($"until={before}"));
        await _gateway.SystemAsync(HttpMethod.Get, $"queues/{seed.Queue}/dead/count?since=soon", expected: HttpStatusCode.BadRequest);
        await _gateway.SystemAsync(HttpMethod.Get, "queues/nosuch/dead/count", expected: HttpStatusCode.NotFound);

        await _gateway.SystemAsync(HttpMethod.Delete, $"queues/{seed.Queue}/dead", expected: HttpStatusCode.BadRequest);
        Assert.Equal("""{"deleted":1}""", await _gateway.SystemAsync(HttpMethod.Delete, $"queues/{seed.Queue}/dead?function=one&reason=failed"));
        await _gateway.SystemAsync(HttpMethod.Post, $"queues/{seed.Queue}/redrives", new { until = TimeProvider.System.GetUtcNow().AddHours(-1) }, HttpStatusCode.Accepted);
        await _gateway.SystemAsync(HttpMethod.Post, $"queues/{seed.Queue}/redrives", new { reason = "failed", since = TimeProvider.System.GetUtcNow().AddHours(-1) }, HttpStatusCode.Accepted);
        await Eventually.HoldsAsync(async () => await seed.CountAsync(StreamNames.Dead(seed.Queue)) == 1, "one is redriven");
        Assert.Equal(1, await seed.CountAsync(StreamNames.Calls(seed.Queue)));
        Assert.Equal("c", (await _stored.LastAsync(seed.Queue)).Envelope.CallId);
        Assert.Equal("""{"deleted":1}""", await _gateway.SystemAsync(HttpMethod.Delete, $"queues/{seed.Queue}/dead?all=true"));
        Assert.Equal(0, await seed.CountAsync(StreamNames.Dead(seed.Queue)));

        async Task<int> CountAsync(string query) => (int)(await _gateway.SystemJsonAsync($"queues/{seed.Queue}/dead/count?{query}"))["count"]!;
    }

    [Fact]
    public async Task A_count_tells_the_times_that_it_took_so_that_what_is_done_later_means_the_same_letters()
    {
        var seed = await SeedAsync();
        await seed.DeadAsync(DeadLetterSeed.Call("one"));
        await Eventually.HoldsAsync(async () => (int)(await CountAsync("until=1s"))["count"]! == 1, "it is old enough");
        var counted = await CountAsync("since=1h&until=1s");
        await seed.DeadAsync(DeadLetterSeed.Call("one"));
        await Eventually.HoldsAsync(async () => (int)(await CountAsync("until=1s"))["count"]! == 2, "the second is old enough too");

        Assert.Equal(TimeSpan.FromHours(1), TimeSpan.FromMinutes(Math.Round((Time("until") - Time("since")).TotalMinutes)));
        Assert.Equal("""{"deleted":1}""", await _gateway.SystemAsync(HttpMethod.Delete, $"queues/{seed.Queue}/dead?since={counted["since"]}&until={counted["until"]}"));
        Assert.Null((await CountAsync(""))["until"]);

        Task<System.Text.Json.Nodes.JsonNode> CountAsync(string query) => _gateway.SystemJsonAsync($"queues/{seed.Queue}/dead/count?{query}");
        DateTimeOffset Time(string name) => (DateTimeOffset)counted[name]!;
    }

    [Fact]
    public async Task Many_are_deleted_in_parts_and_none_that_was_not_counted()
    {
        var seed = await SeedAsync();
        for (var i = 0; i < 7; i++)
        {
            await seed.DeadAsync(DeadLetterSeed.Call(i % 2 == 0 ? "even" : "odd"));
        }

        var counted = await _gateway.SystemJsonAsync($"queues/{seed.Queue}/dead/count?function=even");
        await seed.DeadAsync(DeadLetterSeed.Call("even"));
        var of = $"queues/{seed.Queue}/dead?function=even&last={counted["last"]}";

        Assert.Equal("""{"deleted":3,"next":5}""", await _gateway.SystemAsync(HttpMethod.Delete, $"{of}&limit=3"));
        Assert.Equal("""{"deleted":1}""", await _gateway.SystemAsync(HttpMethod.Delete, $"{of}&limit=3&after=5"));
        Assert.Equal((4, true), ((int)counted["count"]!, (bool)counted["isComplete"]!));
        Assert.Equal(4, await seed.CountAsync(StreamNames.Dead(seed.Queue)));
        Assert.Equal("""{"deleted":0}""", await _gateway.SystemAsync(HttpMethod.Delete, of));
        foreach (var bad in new[] { "limit=0", "limit=-1", "limit=all", "after=x", "last=x" })
        {
            await _gateway.SystemAsync(HttpMethod.Delete, $"{of}&{bad}", expected: HttpStatusCode.BadRequest);
        }
    }

    private Task<string> EditAsync(DeadLetterSeed seed, ulong seq, object edit, HttpStatusCode expected = HttpStatusCode.Accepted) =>
        _gateway.SystemAsync(HttpMethod.Post, $"queues/{seed.Queue}/dead/{seq}/edit", edit, expected);

    private async Task<HttpResponseMessage> AskAsync(DeadLetterSeed seed, ulong seq, string action, object? body) => await _gateway.PostAsync(
        $"/system/queues/{seed.Queue}/dead/{seq}/{action}", body is null ? "" : System.Text.Json.JsonSerializer.Serialize(body), ("Authorization", TestGateway.Admin), ("Content-Type", "application/json"));

    private Task<DeadLetterSeed> SeedAsync() => new DeadLetterSeed(_stored.JetStream, "q" + Guid.NewGuid().ToString("N")[..8]).CreateAsync();
}
