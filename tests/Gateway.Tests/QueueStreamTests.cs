using System.Net;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream.Models;

namespace Connectors.Gateway.Tests;

/// <summary>The stream of a queue: made here, made by others, full, gone.</summary>
public sealed class QueueStreamTests(QueueFixture fixture) : IClassFixture<QueueFixture>
{
    private readonly TestGateway _gateway = fixture.Gateway;
    private readonly StoredCalls _stored = fixture.Stored;

    [Fact]
    public async Task The_default_queues_stream_is_made_as_the_design_says()
    {
        await Eventually.HoldsAsync(async () => await _stored.JetStream.GetStreamAsync("OF_faas-request") is not null, "the stream is there");
        var config = (await _stored.JetStream.GetStreamAsync("OF_faas-request")).Info.Config;

        Assert.Equal(StreamConfigRetention.Workqueue, config.Retention);
        Assert.Equal(StreamConfigDiscard.New, config.Discard);
        Assert.Equal(["faas-request.call.>"], config.Subjects!);
        Assert.Equal(TimeSpan.FromMinutes(2), config.DuplicateWindow);
    }

    [Theory]
    [InlineData("kept", StreamConfigRetention.Limits, "kept.call.>", "retention")]
    [InlineData("elsewhere", StreamConfigRetention.Workqueue, "elsewhere.other.>", "subjects")]
    [InlineData("of-openfaas", StreamConfigRetention.Workqueue, "of-openfaas", "subjects")]
    public async Task A_stream_that_somebody_made_otherwise_is_500_and_named(string queue, StreamConfigRetention retention, string subject, string field)
    {
        await _stored.JetStream.CreateStreamAsync(new StreamConfig(StreamNames.Calls(queue), [subject]) { Retention = retention });
        await DeployAsync(queue);

        using var answer = await _gateway.PostAsync($"/async-function/{queue}", "hi");
        var text = await answer.Content.ReadAsStringAsync();

        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.Contains(field, text, StringComparison.Ordinal);
        Assert.Contains($"nats stream rm OF_{queue}", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stream_that_is_there_follows_the_options_that_are_set_and_keeps_what_is_not()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var stored = new StoredCalls(nats);
        foreach (var queue in new[] { "faas-request", "named" })
        {
            await stored.JetStream.CreateStreamAsync(new StreamConfig(StreamNames.Calls(queue), [$"{queue}.call.>"])
            {
                Retention = StreamConfigRetention.Workqueue,
                Discard = StreamConfigDiscard.New,
                DuplicateWindow = TimeSpan.FromMinutes(2),
                MaxBytes = 1_000_000,
            });
        }

        await using var gateway = await TestGateway.StartAsync(nats, ("nats_duplicate_window", "10m"), ("nats_max_msgs", "5"));
        await gateway.DeployAsync("named", "cat", new Dictionary<string, string> { ["com.openfaas.queue"] = "named" });
        using var accepted = await gateway.PostAsync("/async-function/named", "hi");

        foreach (var queue in new[] { "faas-request", "named" })
        {
            await Eventually.HoldsAsync(
                async () => (await stored.JetStream.GetStreamAsync(StreamNames.Calls(queue))).Info.Config is { MaxMsgs: 5, MaxBytes: 1_000_000 } config && config.DuplicateWindow == TimeSpan.FromMinutes(10),
                $"the stream of {queue} follows");
        }
    }

    // A worker that finds it gone is as quick as the gateway's next call, and may know nothing of its options.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_stream_that_a_worker_made_anew_follows_the_gateways_options_again(bool isDelayed)
    {
        await using var nats = await NatsServer.StartAsync();
        await using var stored = new StoredCalls(nats);
        await using var gateway = await TestGateway.StartAsync(nats, ("nats_duplicate_window", "10m"));
        await gateway.DeployAsync("echo", "cat");
        (string, string)[] headers = isDelayed ? [("X-Delay", "1h")] : [];
        var shape = isDelayed ? StreamShape.Aside(StreamNames.DefaultQueue, new StreamLimits()) : StreamShape.Calls(StreamNames.DefaultQueue, new StreamLimits());
        using var first = await gateway.PostAsync("/async-function/echo", "hi", headers);
        Assert.Equal(TimeSpan.FromMinutes(10), await WindowAsync());

        await stored.JetStream.DeleteStreamAsync(shape.Name);
        await stored.JetStream.CreateStreamAsync(StreamSetup.ConfigOf(shape));
        Assert.Equal(TimeSpan.FromMinutes(2), await WindowAsync());

        await Eventually.HoldsAsync(
            async () =>
            {
                using var next = await gateway.PostAsync("/async-function/echo", "hi", headers);
                return await WindowAsync() == TimeSpan.FromMinutes(10);
            },
            "the stream follows");

        async Task<TimeSpan> WindowAsync() => (await stored.JetStream.GetStreamAsync(shape.Name)).Info.Config.DuplicateWindow;
    }

    [Fact]
    public async Task A_queue_whose_calls_nobody_takes_is_shown_until_somebody_does()
    {
        await DeployAsync("lonely");
        using var accepted = await _gateway.PostAsync("/async-function/lonely", "hi");
        const string metric = """gateway_queue_untaken_seconds{queue_name="lonely"}""";
        await Eventually.HoldsAsync(async () => await _gateway.Process.MetricAsync(metric) > 0, "it is shown");

        var worker = await _stored.JetStream.CreateOrUpdateConsumerAsync(StreamNames.Calls("lonely"), new ConsumerConfig(StreamNames.StaticNormal));
        var call = await worker.NextAsync(NatsRawSerializer<byte[]>.Default);
        await call!.AckAsync();

        await Eventually.HoldsAsync(async () => await _gateway.Process.MetricAsync(metric) == 0, "it is no longer shown");
    }

    [Fact]
    public async Task A_workers_stream_with_other_limits_is_used()
    {
        await _stored.JetStream.CreateStreamAsync(new StreamConfig(StreamNames.Calls("first"), ["first.call.>"])
        {
            Retention = StreamConfigRetention.Workqueue,
            Discard = StreamConfigDiscard.New,
            Storage = StreamConfigStorage.Memory,
            MaxMsgs = 2,
        });
        await DeployAsync("first");

        using var one = await _gateway.PostAsync("/async-function/first", "hi");
        using var two = await _gateway.PostAsync("/async-function/first", "hi");
        using var full = await _gateway.PostAsync("/async-function/first", "hi");

        Assert.Equal(HttpStatusCode.Accepted, one.StatusCode);
        Assert.Equal(HttpStatusCode.Accepted, two.StatusCode);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, full.StatusCode);
        Assert.Contains("full", await full.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(2ul, await _stored.CountAsync("first"));
    }

    [Fact]
    public async Task A_stream_that_was_deleted_is_made_again()
    {
        await DeployAsync("phoenix");
        using var before = await _gateway.PostAsync("/async-function/phoenix", "hi");
        await _stored.JetStream.DeleteStreamAsync(StreamNames.Calls("phoenix"));

        using var after = await _gateway.PostAsync("/async-function/phoenix", "hi");

        Assert.Equal(HttpStatusCode.Accepted, before.StatusCode);
        Assert.Equal(HttpStatusCode.Accepted, after.StatusCode);
        Assert.Equal(1ul, await _stored.CountAsync("phoenix"));
    }

    private Task DeployAsync(string queue) => _gateway.DeployAsync(queue, "cat", new Dictionary<string, string> { ["com.openfaas.queue"] = queue });
}
