using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace Connectors.Gateway.Tests.Queues;

/// <summary>Redrives of many dead letters: at a rate, through the gateway's death, until they end or are cancelled.</summary>
public sealed class RedriveJobTests
{
    private const int Letters = 1000;
    private const int BeforeTheKill = 200;
    private const int Slots = 10;

    // The job takes eight seconds at least, and the gateway is killed long before.
    private const int RatePerSecond = 125;

    [Fact]
    public async Task R15_1_000_dead_letters_are_redriven_at_a_rate_and_run_although_the_gateway_is_killed_in_the_middle()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats);
        await using var function = await HttpLedger.StartAsync((_, http) => Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, http.RequestAborted));
        await gateway.DeployAsync("echo", function.Url);
        await using var stored = new StoredCalls(nats);
        var seed = await new DeadLetterSeed(stored.JetStream, "many").CreateAsync();
        await seed.DeadAsync(Letters, i => DeadLetterSeed.Call("echo", $"call-{i}"));
        await seed.DeadAsync(DeadLetterSeed.Call("other", "stays"));
        await using var worker = await WorkerAsync(nats, gateway);

        var id = await StartAsync(gateway, "many", new { function = "echo.openfaas-fn", reason = "exhausted", ratePerSecond = RatePerSecond });
        await Eventually.HoldsAsync(async () => await seed.CountAsync("OF_many_DEAD") <= Letters + 1 - BeforeTheKill, "some are redriven");
        await gateway.Process.KillAsync();
        await gateway.Process.StartAgainAsync();
        await gateway.Process.Process.LineAsync(l => l.Contains("Redrive goes on", StringComparison.Ordinal) && l.Contains(id, StringComparison.Ordinal), "the job goes on");
        await Eventually.HoldsAsync(async () => await seed.CountAsync("OF_many_DEAD") == 1 && await seed.CountAsync("OF_many") == 0, () => $"all have run; the gateway wrote:\n{gateway.Process.Process.Tail()}", TimeSpan.FromMinutes(3));
        var job = await EndAsync(gateway, "many", id);

        Assert.Equal("done", job["state"]!.ToString());
        Assert.InRange((long)job["redriven"]!, Letters - 1, Letters);
        var took = job["updatedAt"]!.GetValue<DateTime>() - job["startedAt"]!.GetValue<DateTime>();
        Assert.True(took >= TimeSpan.FromSeconds(Letters / RatePerSecond * 0.9), $"no faster than its rate: {took}");
        var runs = function.Requests.GroupBy(r => r.CallId!).ToList();
        Assert.Equal(Enumerable.Range(0, Letters).Select(i => $"call-{i}").Order(StringComparer.Ordinal), runs.Select(r => r.Key).Order(StringComparer.Ordinal));
        Assert.All(runs, run => Assert.InRange(run.Count(), 1, 2));
        Assert.InRange(runs.Count(run => run.Count() == 2), 0, Slots);
    }

    [Fact]
    public async Task R15_a_job_stops_at_a_full_queue_and_says_where()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats);
        await using var stored = new StoredCalls(nats);
        var seed = await new DeadLetterSeed(stored.JetStream, "small").CreateAsync();
        await stored.JetStream.UpdateStreamAsync((await stored.JetStream.GetStreamAsync("OF_small")).Info.Config with { MaxMsgs = 3 });
        for (var i = 0; i < 5; i++)
        {
            await seed.DeadAsync(DeadLetterSeed.Call());
        }

        var job = await EndAsync(gateway, "small", await StartAsync(gateway, "small", new { }));

        Assert.Equal("stopped", job["state"]!.ToString());
        Assert.Equal(3ul, (ulong)job["position"]!);
        Assert.StartsWith("at 4: ", job["error"]!.ToString(), StringComparison.Ordinal);
        Assert.Equal(1, (int)job["failures"]!);
        Assert.Equal(2, await seed.CountAsync("OF_small_DEAD"));
    }

    [Fact]
    public async Task R15_a_job_goes_on_when_a_write_that_was_not_answered_is_answered_again()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var proxy = new NatsProxy(nats.Port);
        await using var gateway = await TestGateway.StartAsync(
            nats, ("faas_nats_port", proxy.Port.ToString(CultureInfo.InvariantCulture)), ("nats_publish_timeout", "5s"));
        await using var stored = new StoredCalls(nats);
        var seed = await new DeadLetterSeed(stored.JetStream, "passing").CreateAsync();
        await seed.DeadAsync(2, _ => DeadLetterSeed.Call());
        proxy.LoseAnswers("OF_passing", int.MaxValue);

        var id = await StartAsync(gateway, "passing", new { });
        await Eventually.HoldsAsync(async () => (int)(await gateway.SystemJsonAsync($"queues/passing/redrives/{id}"))["failures"]! > 0, "a write has failed");
        proxy.LoseAnswers("OF_passing", 0);
        var job = await EndAsync(gateway, "passing", id);

        Assert.Equal(("done", 2), (job["state"]!.ToString(), (int)job["redriven"]!));
        Assert.Equal((2, 0), (await seed.CountAsync("OF_passing"), await seed.CountAsync("OF_passing_DEAD")));
    }

    [Fact]
    public async Task R15_a_job_stops_at_a_letter_that_cannot_be_removed_and_its_call_is_put_back_once()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats);
        await using var stored = new StoredCalls(nats);
        var seed = await new DeadLetterSeed(stored.JetStream, "kept").CreateAsync();
        await stored.JetStream.UpdateStreamAsync((await stored.JetStream.GetStreamAsync("OF_kept")).Info.Config with { DuplicateWindow = TimeSpan.FromSeconds(1) });
        await stored.JetStream.UpdateStreamAsync((await stored.JetStream.GetStreamAsync("OF_kept_DEAD")).Info.Config with { DenyDelete = true });
        await seed.DeadAsync(2, _ => DeadLetterSeed.Call());

        var job = await EndAsync(gateway, "kept", await StartAsync(gateway, "kept", new { }));

        Assert.Equal("stopped", job["state"]!.ToString());
        Assert.StartsWith("at 1: ", job["error"]!.ToString(), StringComparison.Ordinal);
        Assert.Equal(1, await seed.CountAsync("OF_kept"));
    }

    [Fact]
    public async Task R15_what_is_larger_than_its_queue_takes_is_413_and_stops_a_job()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats);
        await using var stored = new StoredCalls(nats);
        var seed = await new DeadLetterSeed(stored.JetStream, "narrow").CreateAsync();
        await stored.JetStream.UpdateStreamAsync((await stored.JetStream.GetStreamAsync("OF_narrow")).Info.Config with { MaxMsgSize = 1000 });
        await seed.DeadAsync(DeadLetterSeed.Call(), new byte[2000]);

        await gateway.SystemAsync(HttpMethod.Post, "queues/narrow/dead/1/redrive", expected: HttpStatusCode.RequestEntityTooLarge);
        var job = await EndAsync(gateway, "narrow", await StartAsync(gateway, "narrow", new { }));

        Assert.Equal("stopped", job["state"]!.ToString());
        Assert.StartsWith("at 1: ", job["error"]!.ToString(), StringComparison.Ordinal);
        Assert.Equal(1, await seed.CountAsync("OF_narrow_DEAD"));
    }

    [Fact]
    public async Task A_cancelled_job_redrives_no_more()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats);
        await using var stored = new StoredCalls(nats);
        var seed = await new DeadLetterSeed(stored.JetStream, "slow").CreateAsync();
        await seed.DeadAsync(200, _ => DeadLetterSeed.Call());
        var id = await StartAsync(gateway, "slow", new { ratePerSecond = 20 });
        await Eventually.HoldsAsync(async () => await seed.CountAsync("OF_slow") >= 3, "it has begun");

        await gateway.SystemAsync(HttpMethod.Delete, $"queues/slow/redrives/{id}");
        var after = await seed.CountAsync("OF_slow");
        var other = await StartAsync(gateway, "slow", new { function = "nobody" });
        await EndAsync(gateway, "slow", other);

        Assert.Equal([(other, "done"), (id, "cancelled")], await ListAsync(gateway, "slow"));
        Assert.Equal("cancelled", (await gateway.SystemJsonAsync($"queues/slow/redrives/{id}"))["state"]!.ToString());
        Assert.InRange(await seed.CountAsync("OF_slow"), after, after + 1);
    }

    [Fact]
    public async Task R15_a_letter_that_is_deleted_before_its_turn_is_not_put_back()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats);
        await using var stored = new StoredCalls(nats);
        var seed = await new DeadLetterSeed(stored.JetStream, "gone").CreateAsync();
        await seed.DeadAsync(3, _ => DeadLetterSeed.Call());
        var id = await StartAsync(gateway, "gone", new { ratePerSecond = 0.1 });
        await Eventually.HoldsAsync(async () => await seed.CountAsync("OF_gone") >= 1, "the first is back");

        await gateway.SystemAsync(HttpMethod.Delete, "queues/gone/dead/3", expected: HttpStatusCode.NoContent);
        var job = await EndAsync(gateway, "gone", id);

        Assert.Equal("done", job["state"]!.ToString());
        Assert.Equal(2, (int)job["redriven"]!);
        Assert.Equal(2, await seed.CountAsync("OF_gone"));
    }

    [Fact]
    public async Task R15_a_search_that_takes_longer_than_a_lease_comes_to_its_end_with_two_gateways()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var proxy = new NatsProxy(nats.Port);
        await using var gateway = await TestGateway.StartAsync(nats, ("faas_nats_port", proxy.Port.ToString(CultureInfo.InvariantCulture)));
        await using var other = await TestGateway.StartAsync(nats, ("faas_nats_port", proxy.Port.ToString(CultureInfo.InvariantCulture)));
        await using var stored = new StoredCalls(nats);
        var seed = await new DeadLetterSeed(stored.JetStream, "far").CreateAsync();
        await seed.DeadAsync(1100, _ => DeadLetterSeed.Call());
        await seed.DeadAsync(DeadLetterSeed.Call() with { Tags = ["sought"] });

        // Each batch takes a good part of a lease.
        proxy.Before = bytes => bytes.Span.IndexOf("$JS.API.CONSUMER.CREATE.OF_far_DEAD"u8) < 0
            ? Task.CompletedTask
            : Task.Delay(TimeSpan.FromSeconds(1.5), TimeProvider.System, CancellationToken.None);
        var job = await EndAsync(gateway, "far", await StartAsync(gateway, "far", new { tag = "sought" }));

        Assert.Equal("done", job["state"]!.ToString());
        Assert.Equal(1, (int)job["redriven"]!);
        Assert.Equal(1, await seed.CountAsync("OF_far"));
        Assert.Equal(1100, await seed.CountAsync("OF_far_DEAD"));
    }

    [Fact]
    public async Task R15_a_job_goes_on_though_the_clock_of_the_gateway_that_had_it_was_ahead()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats);
        await using var stored = new StoredCalls(nats);
        var seed = await new DeadLetterSeed(stored.JetStream, "ahead").CreateAsync();
        await seed.DeadAsync(2, _ => DeadLetterSeed.Call());
        await EndAsync(gateway, "ahead", await StartAsync(gateway, "ahead", new { function = "nobody" }));

        var id = await PutOwnedAsync(stored, "ahead", TimeProvider.System.GetUtcNow().AddHours(1));
        var job = await EndAsync(gateway, "ahead", id);

        Assert.Equal("done", job["state"]!.ToString());
        Assert.Equal(2, (int)job["redriven"]!);
    }

    [Fact]
    public async Task R15_a_job_that_is_written_to_is_left_to_its_gateway_though_its_clock_is_behind()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats);
        await using var stored = new StoredCalls(nats);
        var seed = await new DeadLetterSeed(stored.JetStream, "behind").CreateAsync();
        await seed.DeadAsync(2, _ => DeadLetterSeed.Call());
        await EndAsync(gateway, "behind", await StartAsync(gateway, "behind", new { function = "nobody" }));
        await using var looks = await stored.ListenAsync("$JS.API.STREAM.INFO.KV_OF_redrives");
        var id = Guid.NewGuid().ToString("N");

        for (var look = 0; look < 8; look++)
        {
            await PutOwnedAsync(stored, "behind", TimeProvider.System.GetUtcNow().AddHours(-1), id);
            await looks.Msgs.ReadAsync().AsTask().WaitAsync(Eventually.Patience);
        }

        Assert.Equal(2, await seed.CountAsync("OF_behind_DEAD"));
        Assert.Equal(2, (int)(await EndAsync(gateway, "behind", id))["redriven"]!);
    }

    [Fact]
    public async Task R15_a_job_keeps_its_rate_though_the_clock_is_set_back()
    {
        using var clock = new SettableClock();
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats, [.. clock.Environment.Select(variable => (variable.Key, variable.Value))]);
        await using var stored = new StoredCalls(nats);
        var seed = await new DeadLetterSeed(stored.JetStream, "back").CreateAsync();
        await seed.DeadAsync(40, _ => DeadLetterSeed.Call());
        var id = await StartAsync(gateway, "back", new { ratePerSecond = 2 });
        await Eventually.HoldsAsync(async () => await seed.CountAsync("OF_back") >= 1, "it has begun");

        clock.Set(TimeSpan.FromHours(-3));
        var job = await EndAsync(gateway, "back", id);

        Assert.Equal(("done", 40), (job["state"]!.ToString(), (int)job["redriven"]!));
    }

    [Fact]
    public async Task R15_a_job_that_says_more_than_is_understood_is_left_to_others_and_keeps_what_it_says()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats);
        await using var stored = new StoredCalls(nats);
        var seed = await new DeadLetterSeed(stored.JetStream, "newer").CreateAsync();
        await seed.DeadAsync(2, _ => DeadLetterSeed.Call());
        await EndAsync(gateway, "newer", await StartAsync(gateway, "newer", new { function = "nobody" }));
        var id = Guid.NewGuid().ToString("N");
        var path = $"queues/newer/redrives/{id}";

        await PutAsync(stored, id, $$"""{"id":"{{id}}","queue":"newer","state":"running","last":9,"region":"north"}""");
        await gateway.Process.Process.LineAsync(
            line => line.Contains("it is left alone", StringComparison.Ordinal) && line.Contains(id, StringComparison.Ordinal) && line.Contains("region", StringComparison.Ordinal), "it is told");
        await gateway.SystemAsync(HttpMethod.Delete, path);
        var job = await gateway.SystemJsonAsync(path);

        Assert.Equal(("cancelled", "north"), (job["state"]!.ToString(), job["region"]!.ToString()));
        Assert.Equal(2, await seed.CountAsync("OF_newer_DEAD"));
    }

    [Fact]
    public async Task R15_a_job_that_has_ended_is_not_read_again_and_again()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats);
        await using var stored = new StoredCalls(nats);
        var seed = await new DeadLetterSeed(stored.JetStream, "ended").CreateAsync();
        await seed.DeadAsync(DeadLetterSeed.Call());
        await EndAsync(gateway, "ended", await StartAsync(gateway, "ended", new { }));
        await using var watcher = new NatsConnection(StoredCalls.OptionsFor(nats));
        using var stop = new CancellationTokenSource();
        var asked = new ConcurrentQueue<string>();
        var watching = WatchAsync(watcher, asked, stop.Token);
        await RoundsAsync(2);
        asked.Clear();

        await RoundsAsync(3);

        // Nor is a consumer made for each look, of which nats-server keeps every one for some seconds.
        Assert.DoesNotContain(
            asked,
            subject => subject.Contains("KV_OF_redrives", StringComparison.Ordinal)
                && (subject.Contains(".GET.", StringComparison.Ordinal) || subject.Contains(".CONSUMER.", StringComparison.Ordinal)));
        await stop.CancelAsync();
        await watching;

        Task RoundsAsync(int count) => Eventually.HoldsAsync(
            () => asked.Count(s => s == "$JS.API.STREAM.INFO.KV_OF_redrives") >= count, () => $"{count} looks at the jobs; there were {string.Join(' ', asked)}");
    }

    [Fact]
    public async Task Jobs_that_are_none_keep_no_other_from_running()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats);
        await using var stored = new StoredCalls(nats);
        var seed = await new DeadLetterSeed(stored.JetStream, "fine").CreateAsync();
        await seed.DeadAsync(3, _ => DeadLetterSeed.Call());
        await EndAsync(gateway, "fine", await StartAsync(gateway, "fine", new { function = "nobody" }));

        await PutAsync(stored, "a", "no JSON");
        await PutAsync(stored, "b", "{}");
        await PutAsync(stored, "c!d", "whose key cannot be asked for");
        await PutAsync(stored, "e", """{"id":"e","queue":"nowhere","state":"running","last":9}""");
        await PutAsync(stored, "f", """{"id":"f","queue":"fine","state":"running","last":9,"ratePerSecond":1e-300}""");
        await PutAsync(stored, "g", """{"id":"g","queue":"fine","state":"running","last":9,"function":"..","ownedUntil":"9999-12-31T23:59:59Z"}""");
        await gateway.Process.Process.LineAsync(line => line.Contains("it is left alone", StringComparison.Ordinal) && line.Contains("c!d", StringComparison.Ordinal), "the key is told");
        await gateway.Process.KillAsync();
        await gateway.Process.StartAgainAsync();
        var id = await StartAsync(gateway, "fine", new { function = "echo.openfaas-fn" });
        var job = await EndAsync(gateway, "fine", id);
        await PutAsync(stored, Guid.NewGuid().ToString("N"), "no JSON");
        await PutOwnedAsync(stored, "nowhere", TimeProvider.System.GetUtcNow());

        Assert.Equal("done", job["state"]!.ToString());
        var listed = await ListAsync(gateway, "fine");
        Assert.Equal((2, id), (listed.Count, listed[0].Id));
        await Eventually.HoldsAsync(async () => await seed.CountAsync("OF_fine_DEAD") == 0, "the letters are redriven");
    }

    [Theory]
    [InlineData("""{"ratePerSecond":0}""")]
    [InlineData("""{"ratePerSecond":"fast"}""")]
    [InlineData("""{"ratePerSecond":1e-12}""")]
    [InlineData("""{"ratePerSecond":1000001}""")]
    [InlineData("""{"function":"a b"}""")]
    [InlineData("[")]
    public async Task What_cannot_be_meant_is_400(string body)
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats);

        using var answer = await gateway.PostAsync("/system/queues/faas-request/redrives", body, ("Content-Type", "application/json"), ("Authorization", TestGateway.Admin));

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
    }

    [Theory]
    [InlineData("""{"Function":"pay"}""", "$.Function ")]
    [InlineData("""{"reason":"exhausted","rate":5}""", "$.rate ")]
    public async Task A_key_that_there_is_not_is_named_and_no_letter_is_put_back(string body, string named)
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats);
        await using var stored = new StoredCalls(nats);
        var seed = await new DeadLetterSeed(stored.JetStream, "typed").CreateAsync();
        await seed.DeadAsync(DeadLetterSeed.Call());

        using var answer = await gateway.PostAsync("/system/queues/typed/redrives", body, ("Content-Type", "application/json"), ("Authorization", TestGateway.Admin));

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.StartsWith(named, await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(1, await seed.CountAsync("OF_typed_DEAD"));
    }

    private static Task<ServiceProcess> WorkerAsync(NatsServer nats, TestGateway gateway) => ServiceProcess.StartAsync("QueueWorker", new Dictionary<string, string>
    {
        ["queue_name"] = "many",
        ["nats_host"] = "127.0.0.1",
        ["nats_port"] = nats.Port.ToString(CultureInfo.InvariantCulture),
        ["gateway_url"] = gateway.Api.ToString(),
        ["max_inflight"] = Slots.ToString(CultureInfo.InvariantCulture),
        ["initial_retry_wait"] = "100ms",
        ["max_retry_wait"] = "1s",
    });

    private static async Task PutAsync(StoredCalls stored, string key, string value) =>
        (await stored.JetStream.PublishAsync($"$KV.OF_redrives.{key}", System.Text.Encoding.UTF8.GetBytes(value), NatsRawSerializer<byte[]>.Default)).EnsureSuccess();

    private static async Task<string> PutOwnedAsync(StoredCalls stored, string queue, DateTimeOffset until, string? id = null)
    {
        id ??= Guid.NewGuid().ToString("N");
        await PutAsync(stored, id, $$"""{"id":"{{id}}","queue":"{{queue}}","state":"running","last":9,"owner":"gone","ownedUntil":"{{until.UtcDateTime:O}}"}""");
        return id;
    }

    private static async Task WatchAsync(NatsConnection connection, ConcurrentQueue<string> asked, CancellationToken stop)
    {
        try
        {
            await foreach (var message in connection.SubscribeAsync<byte[]>("$JS.API.>", cancellationToken: stop))
            {
                asked.Enqueue(message.Subject);
            }
        }
        catch (OperationCanceledException)
        {
            // Seen enough.
        }
    }

    internal static async Task<string> StartAsync(TestGateway gateway, string queue, object asked) =>
        JsonNode.Parse(await gateway.SystemAsync(HttpMethod.Post, $"queues/{queue}/redrives", asked, HttpStatusCode.Accepted))!["id"]!.ToString();

    private static async Task<IReadOnlyList<(string Id, string State)>> ListAsync(TestGateway gateway, string queue) =>
        [.. (await gateway.SystemJsonAsync($"queues/{queue}/redrives")).AsArray().Select(job => (job!["id"]!.ToString(), job["state"]!.ToString()))];

    internal static Task<JsonNode> EndAsync(TestGateway gateway, string queue, string id) => Eventually.GetAsync(
        async () => await gateway.SystemJsonAsync($"queues/{queue}/redrives/{id}") is var job && job["state"]!.ToString() != "running" ? job : null,
        "the job ends");
}
