using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.KeyValueStore;
using NATS.Net;

namespace Connectors.QueueWorker.Tests;

/// <summary>Results that a caller asked to keep, as the worker leaves them.</summary>
public sealed class ResultTests(SharedNats nats) : IClassFixture<SharedNats>
{
    private static readonly byte[] Bytes = [.. Enumerable.Range(0, 256).Select(b => (byte)b), (byte)'\n', 0];

    [Fact]
    public async Task R3_a_result_is_stored_byte_for_byte_before_the_call_is_acked()
    {
        await using var bench = await Bench.StartAsync(
            async (_, http) =>
            {
                http.Response.Headers["X-Mine"] = "one";
                http.Response.StatusCode = 201;
                await http.Response.Body.WriteAsync(Bytes);
            },
            server: nats.Server);
        var bucket = await BucketAsync(bench);
        var call = await bench.EnqueueAsync(Bench.Call() with { StoreResult = TimeSpan.FromMinutes(10) });
        await bench.IsEmptyAsync();

        var (record, body) = await ReadAsync(bucket, call);

        Assert.Equal((StoredResult.Succeeded, 201, "echo.openfaas-fn", false), (record.State, record.Status, record.Function, record.IsDropped));
        Assert.Equal(Bytes, body);
        Assert.Contains(record.Headers, h => h is { Name: "X-Mine", Value: "one" });
        Assert.InRange(record.Expires - TimeProvider.System.GetUtcNow(), TimeSpan.FromMinutes(9), TimeSpan.FromMinutes(10));
        Assert.Equal(TimeSpan.FromMinutes(10), record.Kept);
    }

    [Theory]
    [InlineData(400, "failed")]
    [InlineData(500, "exhausted")]
    public async Task A_result_says_how_the_call_ended(int status, string state)
    {
        await using var bench = await Bench.StartAsync(Bench.Statuses(status), new() { ["max_retry_attempts"] = "2" }, nats.Server);
        var bucket = await BucketAsync(bench);
        var call = await bench.EnqueueAsync(Bench.Call() with { StoreResult = TimeSpan.FromMinutes(10) });
        await bench.IsEmptyAsync();

        var (record, _) = await ReadAsync(bucket, call);

        Assert.Equal((state, status), (record.State, record.Status));
    }

    [Fact]
    public async Task A_result_over_the_limit_keeps_state_and_status_only()
    {
        await using var bench = await Bench.StartAsync((_, http) => http.Response.Body.WriteAsync(new byte[1_100_000]).AsTask(), server: nats.Server);
        var bucket = await BucketAsync(bench);
        var call = await bench.EnqueueAsync(Bench.Call() with { StoreResult = TimeSpan.FromMinutes(10) });
        await bench.IsEmptyAsync();

        var (record, body) = await ReadAsync(bucket, call);

        Assert.Equal((StoredResult.Succeeded, 200, true), (record.State, record.Status, record.IsDropped));
        Assert.Empty(body);
    }

    [Fact]
    public async Task R3_a_result_that_cannot_be_stored_does_not_hold_the_call_up()
    {
        await using var server = await NatsServer.StartAsync();
        await using var bench = await Bench.StartAsync(server: server);

        // Whoever else has the name leaves no room for the bucket.
        await bench.JetStream.CreateStreamAsync(new NATS.Client.JetStream.Models.StreamConfig("KV_OF_results", ["elsewhere"]));
        await bench.EnqueueAsync(Bench.Call() with { StoreResult = TimeSpan.FromMinutes(10) });
        await bench.IsEmptyAsync();

        Assert.Single(bench.Sends);
        Assert.Equal(1, await bench.Worker.MetricAsync("queue_worker_results_lost_total"));
    }

    [Theory]
    [InlineData(1, "0")]
    [InlineData(3, "1")]
    public async Task A_call_older_than_its_greatest_age_expires_unsent_and_tells_its_caller(int attempt, string retries)
    {
        await using var bench = await Bench.StartAsync(server: nats.Server);
        var bucket = await BucketAsync(bench);
        var old = Bench.Call() with
        {
            Submitted = TimeProvider.System.GetUtcNow().AddMinutes(-2),
            Retry = new RetrySettings { MaxAge = TimeSpan.FromMinutes(1) },
            StoreResult = TimeSpan.FromMinutes(10),
            Attempt = attempt,
            Callback = bench.CallbackUrl.ToString(),
        };
        var call = await bench.EnqueueAsync(old);

        var letter = await bench.DeadLetterAsync(call);
        await bench.IsEmptyAsync();
        var (record, _) = await ReadAsync(bucket, call);

        Assert.Equal($"{bench.Queue}.dead.expired.openfaas-fn.echo", letter.Subject);
        Assert.Equal(DeadReasons.Expired, letter.Biography.Reason);
        Assert.Equal((DeadReasons.Expired, 504), (record.State, record.Status));
        Assert.Empty(bench.Sends);
        var told = Assert.Single(bench.Posts);
        Assert.Equal(("504", "expired", retries, ""), (told.Header("X-Function-Status"), told.Header("X-Call-State"), told.Header("X-Retry"), told.Text));
    }

    // As the gateway makes it, unless it is there.
    private static Task<INatsKVStore> BucketAsync(Bench bench) => bench.ResultsAsync();

    private static async Task<(StoredResult Record, byte[] Body)> ReadAsync(INatsKVStore bucket, Envelope call)
    {
        var entry = await bucket.GetEntryAsync(StreamNames.Token(call.CallId), serializer: NatsRawSerializer<byte[]>.Default);
        var record = StoredResult.TryDecode(entry.Value, out var body);
        Assert.NotNull(record);
        return (record, body.ToArray());
    }
}
