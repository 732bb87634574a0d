using System.Net;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.KeyValueStore;
using NATS.Net;

namespace Connectors.Gateway.Tests.Queues;

/// <summary>What is told of the result of a call that was put back from the dead letters: nothing of how it ended before.</summary>
public sealed class RedrivenResultTests(QueueFixture fixture) : IClassFixture<QueueFixture>
{
    private readonly TestGateway _gateway = fixture.Gateway;
    private readonly StoredCalls _stored = fixture.Stored;

    [Theory]
    [InlineData("redrive", DeadKind.Call, DeadReasons.Failed, true)]
    [InlineData("redrive", DeadKind.Call, DeadReasons.Exhausted, false)]
    [InlineData("redrive", DeadKind.Call, DeadReasons.WorkerLost, true)]
    [InlineData("redrive", DeadKind.Cancelled, DeadReasons.Cancelled, true)]
    [InlineData("redrive", DeadKind.Expired, DeadReasons.Expired, true)]
    [InlineData("edit", DeadKind.Call, DeadReasons.Failed, true)]
    [InlineData("edit", DeadKind.Cancelled, DeadReasons.Cancelled, false)]
    [InlineData("many", DeadKind.Call, DeadReasons.Exhausted, true)]
    [InlineData("many", DeadKind.Expired, DeadReasons.Expired, false)]
    public async Task R14_the_result_of_a_call_that_is_put_back_is_on_its_way_again(string how, DeadKind kind, string reason, bool isKept)
    {
        var seed = await SeedAsync();
        var (id, seq) = await DeadAsync(seed, isKept, kind, reason);

        await PutBackAsync(seed, seq, how);
        using var waiting = await ResultAsync(id);
        await _stored.StoreResultAsync(id, [2], TimeSpan.FromMinutes(10));
        using var ended = await ResultAsync(id);

        Assert.Equal((HttpStatusCode.Accepted, "queued"), (waiting.StatusCode, waiting.Headers.GetValues("X-Call-State").Single()));
        Assert.Equal([2], await ended.Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public async Task A_call_that_asked_for_no_result_has_none_when_it_is_put_back()
    {
        var seed = await SeedAsync();
        var call = DeadLetterSeed.Call();

        await PutBackAsync(seed, await seed.DeadAsync(call), "redrive");
        using var none = await ResultAsync(call.CallId);

        Assert.Equal(HttpStatusCode.NotFound, none.StatusCode);
    }

    // The gateway died between the two, and the call has ended since.
    [Theory]
    [InlineData("redrive")]
    [InlineData("edit")]
    public async Task R14_a_call_that_was_put_back_before_keeps_the_result_that_it_has_by_now(string how)
    {
        var seed = await SeedAsync();
        var call = DeadLetterSeed.Call() with { StoreResult = TimeSpan.FromMinutes(10) };
        var seq = await seed.DeadAsync(call);
        await seed.PublishAsync(
            StreamNames.CallSubject(seed.Queue, Priority.Normal, call.FunctionName),
            [],
            new NatsHeaders { [EnvelopeCodec.HeaderName] = EnvelopeCodec.Encode(call with { Redrive = 1, Attempt = 1 }), ["Nats-Msg-Id"] = StreamNames.RedriveMessageId(call.DeliveryId, 1) });
        await _stored.StoreResultAsync(call.CallId, [1, 2, 3], TimeSpan.FromMinutes(10));

        await PutBackAsync(seed, seq, how);
        using var result = await ResultAsync(call.CallId);

        Assert.Equal(418, (int)result.StatusCode);
        Assert.Equal([1, 2, 3], await result.Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public async Task R14_a_call_that_stays_a_dead_letter_keeps_its_result()
    {
        var seed = await SeedAsync();
        var (id, seq) = await DeadAsync(seed, isKept: true, DeadKind.Call, DeadReasons.Failed);
        await seed.WaitingAsync(DeadLetterSeed.Call());
        var config = (await _stored.JetStream.GetStreamAsync(StreamNames.Calls(seed.Queue))).Info.Config;
        config.MaxMsgs = 1;
        await _stored.JetStream.UpdateStreamAsync(config);

        await _gateway.SystemAsync(HttpMethod.Post, $"queues/{seed.Queue}/dead/{seq}/redrive", expected: HttpStatusCode.ServiceUnavailable);
        using var result = await ResultAsync(id);

        Assert.Equal(418, (int)result.StatusCode);
        Assert.Equal([1], await result.Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public async Task A_bucket_that_takes_no_more_holds_up_no_redrive()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var connection = new NatsConnection(StoredCalls.OptionsFor(nats));
        var config = new NatsKVConfig(StreamNames.Results) { History = 1, MaxAge = BucketShape.MaxResultAge, MaxBytes = 1 };
        await connection.CreateKeyValueStoreContext().CreateStoreAsync(config);
        await using var gateway = await TestGateway.StartAsync(nats);
        await using var stored = new StoredCalls(nats);
        var seed = await new DeadLetterSeed(stored.JetStream, "small").CreateAsync();
        var seq = await seed.DeadAsync(DeadLetterSeed.Call() with { StoreResult = TimeSpan.FromMinutes(10) });

        await gateway.SystemAsync(HttpMethod.Post, $"queues/small/dead/{seq}/redrive", expected: HttpStatusCode.Accepted);

        Assert.Equal((1, 0), (await seed.CountAsync("OF_small"), await seed.CountAsync("OF_small_DEAD")));
        await gateway.Process.Process.LineAsync(line => line.Contains("its result stays that of its last run", StringComparison.Ordinal), "it is told");
    }

    [Fact]
    public async Task A_bucket_that_does_not_answer_is_asked_and_told_of_once_however_many_are_put_back()
    {
        // The server answers nobody who writes to it.
        await using var nats = await NatsServer.StartAsync("""
            authorization { default_permissions { publish { deny: ["$KV.OF_results.>"] } }, users [ { user: u, password: p } ] }
            no_auth_user: u
            """);
        await using var gateway = await TestGateway.StartAsync(nats);
        await using var stored = new StoredCalls(nats);
        var seed = await new DeadLetterSeed(stored.JetStream, "silent").CreateAsync();
        await seed.DeadAsync(3, _ => DeadLetterSeed.Call() with { StoreResult = TimeSpan.FromMinutes(10) });

        await gateway.SystemAsync(HttpMethod.Post, "queues/silent/redrives", new { function = "echo" }, HttpStatusCode.Accepted);
        await gateway.Process.Process.LineAsync(line => line.Contains("Redrive ended", StringComparison.Ordinal), "the redrive ends");

        Assert.Equal((3, 0), (await seed.CountAsync("OF_silent"), await seed.CountAsync("OF_silent_DEAD")));
        Assert.Single(gateway.Process.Process.Lines, line => line.Contains("its result stays that of its last run", StringComparison.Ordinal));
    }

    private async Task<(string CallId, ulong Seq)> DeadAsync(DeadLetterSeed seed, bool isKept, DeadKind kind, string reason)
    {
        var call = DeadLetterSeed.Call() with { StoreResult = TimeSpan.FromMinutes(10) };
        if (isKept)
        {
            await _stored.StoreResultAsync(call.CallId, [1], TimeSpan.FromMinutes(10));
        }

        return (call.CallId, await seed.DeadAsync(call, [1], kind, reason));
    }

    private async Task PutBackAsync(DeadLetterSeed seed, ulong seq, string how)
    {
        if (how == "many")
        {
            await _gateway.SystemAsync(HttpMethod.Post, $"queues/{seed.Queue}/redrives", new { function = "echo" }, HttpStatusCode.Accepted);
            await Eventually.HoldsAsync(async () => await seed.CountAsync(StreamNames.Dead(seed.Queue)) == 0, "it is put back");
            return;
        }

        await _gateway.SystemAsync(HttpMethod.Post, $"queues/{seed.Queue}/dead/{seq}/{how}", how == "edit" ? new { body = "good" } : null, HttpStatusCode.Accepted);
    }

    private Task<HttpResponseMessage> ResultAsync(string id) => _gateway.SendAsync(HttpMethod.Get, "/async-function/" + id);

    private Task<DeadLetterSeed> SeedAsync() => new DeadLetterSeed(_stored.JetStream, "q" + Guid.NewGuid().ToString("N")[..8]).CreateAsync();
}
