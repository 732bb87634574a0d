using System.Globalization;
using System.Net;
using Connectors.Gateway.Enqueueing;
using Connectors.Gateway.Queues;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Gateway.Tests.Queues;

public sealed class QueueWatchTests
{
    [Fact]
    public async Task A_queue_that_cannot_be_looked_at_keeps_no_other_from_being_told()
    {
        // The server lets nobody list the consumers of the first queue.
        await using var nats = await NatsServer.StartAsync("""
            authorization { default_permissions { publish { deny: ["$JS.API.CONSUMER.LIST.OF_a"] } }, users [ { user: u, password: p } ] }
            no_auth_user: u
            """);
        await using var connection = new NatsConnection(StoredCalls.OptionsFor(nats));
        var stored = new NatsJSContext(connection);
        foreach (var queue in new[] { "a", "b" })
        {
            await stored.CreateStreamAsync(StreamSetup.ConfigOf(StreamShape.Calls(queue, new StreamLimits())));
            await stored.PublishAsync(StreamNames.CallSubject(queue, Priority.Normal, new FunctionName("f", "openfaas-fn")), "");
        }

        await using var gateway = await TestGateway.StartAsync(
            null, ("faas_nats_address", "127.0.0.1"), ("faas_nats_port", nats.Port.ToString(CultureInfo.InvariantCulture)));

        await gateway.Process.Process.LineAsync(
            line => line.Contains("A queue could not be looked at", StringComparison.Ordinal) && line.Contains("\"queue\":\"a\"", StringComparison.Ordinal), "the first is told");
        await Eventually.HoldsAsync(async () => await UntakenAsync(gateway, "b") is not null, "the second is looked at");
    }

    [Fact]
    public async Task A_queue_all_of_whose_calls_are_at_work_is_not_told_of_while_their_worker_is_there()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var stored = new StoredCalls(nats);
        await StoreAtWorkAsync(stored, "busy");
        await using var worker = new TellingWorker(stored, "busy");
        await using var looks = await stored.ListenAsync("$JS.API.CONSUMER.LIST.OF_busy");
        await using var gateway = await TestGateway.StartAsync(nats);

        // With the third look, what the second saw is told.
        await LookedAsync(looks, 3);
        Assert.Equal(0, await UntakenAsync(gateway, "busy"));

        await StoreAsync(stored, "busy");
        await Eventually.HoldsAsync(async () => await UntakenAsync(gateway, "busy") > 0, "a call that waits beside it is told of");
    }

    // The server counts them as handed out for as long as nobody asks for more.
    [Fact]
    public async Task Calls_that_were_at_work_in_a_worker_that_is_gone_are_told_of()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var stored = new StoredCalls(nats);
        await StoreAtWorkAsync(stored, "left");
        await using var gateway = await TestGateway.StartAsync(nats);

        await Eventually.HoldsAsync(async () => await UntakenAsync(gateway, "left") > 0, "they are told of");
    }

    [Fact]
    public async Task A_worker_whose_word_does_not_come_through_is_known_by_its_pull_for_callbacks()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var stored = new StoredCalls(nats);
        await StoreAtWorkAsync(stored, "mute");
        await stored.JetStream.CreateStreamAsync(StreamSetup.ConfigOf(StreamShape.Callbacks("mute", new StreamLimits())));
        using var end = new CancellationTokenSource();
        var pulling = PullAsync(await CallbackConsumerAsync(stored, "mute"), end.Token);
        await using var looks = await stored.ListenAsync("$JS.API.CONSUMER.LIST.OF_mute");
        await using var gateway = await TestGateway.StartAsync(nats);

        await LookedAsync(looks, 3);
        Assert.Equal(0, await UntakenAsync(gateway, "mute"));

        await end.CancelAsync();
        await pulling;
    }

    [Fact]
    public async Task Delayed_calls_are_told_of_once_they_are_due_and_no_worker_brings_them_back()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var stored = new StoredCalls(nats);
        await using var gateway = await TestGateway.StartAsync(nats);
        foreach (var queue in new[] { "ahead", "due" })
        {
            await gateway.DeployAsync(queue, "cat", new Dictionary<string, string> { ["com.openfaas.queue"] = queue });
            using var later = await gateway.PostAsync($"/async-function/{queue}", "hi", ("X-Delay", "1h"));
            Assert.Equal(HttpStatusCode.Accepted, later.StatusCode);
        }

        using var soon = await gateway.PostAsync("/async-function/due", "hi", ("X-Delay", "1s"));
        Assert.Equal(HttpStatusCode.Accepted, soon.StatusCode);

        await Eventually.HoldsAsync(async () => await UntakenAsync(gateway, "due") > 0, "what is due is told of");
        Assert.Equal(0, await UntakenAsync(gateway, "ahead"));

        await using var worker = new TellingWorker(stored, "due");
        await Eventually.HoldsAsync(async () => await UntakenAsync(gateway, "due") == 0, "a worker is there");
    }

    [Fact]
    public async Task Held_calls_are_told_of_where_their_function_is_paused_no_more_and_no_worker_brings_them_back()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var stored = new StoredCalls(nats);
        await using var gateway = await TestGateway.StartAsync(nats);
        foreach (var queue in new[] { "held", "resumed" })
        {
            var seed = await new DeadLetterSeed(stored.JetStream, queue).CreateAsync();
            await gateway.SystemAsync(HttpMethod.Post, $"queues/{queue}/functions/one/pause");
            await seed.HeldAsync(DeadLetterSeed.Call("one"));
        }

        await gateway.SystemAsync(HttpMethod.Post, "queues/resumed/functions/one/resume", expected: HttpStatusCode.NoContent);

        await Eventually.HoldsAsync(async () => await UntakenAsync(gateway, "resumed") > 0, "what nobody holds is told of");
        Assert.Equal(0, await UntakenAsync(gateway, "held"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Callbacks_are_told_of_where_no_worker_delivers_them_of_a_paused_queue_too(bool isPaused)
    {
        await using var nats = await NatsServer.StartAsync();
        await using var stored = new StoredCalls(nats);
        var seed = await new DeadLetterSeed(stored.JetStream, "telling").CreateAsync();
        await seed.TellingAsync(DeadLetterSeed.Call());
        await using var gateway = await TestGateway.StartAsync(nats);
        if (isPaused)
        {
            await gateway.SystemAsync(HttpMethod.Post, "queues/telling/pause");
        }

        await Eventually.HoldsAsync(async () => await UntakenAsync(gateway, "telling") > 0, "they are told of");

        // By its pull a worker is known whose word does not come through.
        using var end = new CancellationTokenSource();
        var pulling = PullAsync(await CallbackConsumerAsync(stored, "telling"), end.Token);
        await Eventually.HoldsAsync(async () => await UntakenAsync(gateway, "telling") == 0, "a worker is there");
        await end.CancelAsync();
        await pulling;
    }

    [Fact]
    public async Task A_clock_that_is_set_makes_no_wait_longer()
    {
        using var clock = new SettableClock();
        await using var nats = await NatsServer.StartAsync();
        await using var stored = new StoredCalls(nats);
        await stored.JetStream.CreateStreamAsync(StreamSetup.ConfigOf(StreamShape.Calls("waits", new StreamLimits())));
        await StoreAsync(stored, "waits");
        await using var looks = await stored.ListenAsync("$JS.API.CONSUMER.LIST.OF_waits");
        await using var gateway = await TestGateway.StartAsync(nats, [.. clock.Environment.Select(variable => (variable.Key, variable.Value))]);
        await LookedAsync(looks, 1);
        await Eventually.HoldsAsync(async () => await UntakenAsync(gateway, "waits") is not null, "the wait has begun");

        clock.Set(TimeSpan.FromHours(3));
        await LookedAsync(looks, 2);

        Assert.InRange((await UntakenAsync(gateway, "waits"))!.Value, 1, 3600);
    }

    [Fact]
    public async Task Of_a_queue_whose_streams_were_deleted_nothing_is_shown_and_it_is_counted_anew_when_it_comes_back()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var stored = new StoredCalls(nats);
        await using var gateway = await TestGateway.StartAsync(nats);
        await gateway.DeployAsync("caller", "cat", new Dictionary<string, string> { ["com.openfaas.queue"] = "passing" });
        var seed = await new DeadLetterSeed(stored.JetStream, "passing").CreateAsync();
        await seed.DeadAsync(DeadLetterSeed.Call());
        await AcceptAsync();
        await gateway.SystemAsync(HttpMethod.Delete, "queues/passing/dead?all=true");
        await Eventually.HoldsAsync(async () => await UntakenAsync(gateway, "passing") is not null, "the queue was looked at");
        Assert.Equal(1, await AcceptedAsync());
        Assert.Equal(1, await SampleAsync("gateway_async_publish_seconds_count", ""));
        Assert.Equal(1, await SampleAsync("gateway_dead_letters_handled_total", ",action=\"deleted\""));

        foreach (var stream in StreamNames.StreamsOf("passing"))
        {
            await stored.JetStream.DeleteStreamAsync(stream);
        }

        await Eventually.HoldsAsync(
            async () => !(await gateway.Http.GetStringAsync(new Uri(gateway.Process.Metrics, "/metrics"))).Contains("passing", StringComparison.Ordinal), "nothing is left of it");
        await AcceptAsync();
        await Eventually.HoldsAsync(async () => await AcceptedAsync() == 1, "it is counted anew");

        async Task AcceptAsync()
        {
            using var accepted = await gateway.PostAsync("/async-function/caller", "hi");
            Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
        }

        Task<double?> AcceptedAsync() => SampleAsync("gateway_async_requests_total", ",code=\"202\"");

        Task<double?> SampleAsync(string name, string labels) => gateway.Process.MetricAsync($"{name}{{queue_name=\"passing\"{labels}}}");
    }

    [Fact]
    public async Task Of_a_queue_whose_streams_were_deleted_nothing_is_remembered_where_calls_are_written_to_it()
    {
        var ct = TestContext.Current.CancellationToken;
        await using var nats = await NatsServer.StartAsync();
        await using var stored = new StoredCalls(nats);
        var options = GatewayOptions.Read(new Settings(new Dictionary<string, string>
        {
            ["faas_nats_address"] = "127.0.0.1",
            ["faas_nats_port"] = nats.Port.ToString(CultureInfo.InvariantCulture),
            ["nats_publish_timeout"] = "1m",
        })).Queue;
        await using var link = new NatsLink(options.Nats, new NatsRole("test", IsNeeded: false, () => { }), new Readiness(), TimeProvider.System, NullLoggerFactory.Instance);
        await link.StartAsync(ct);
        await link.OpenAsync(Eventually.Patience, ct);
        var setup = new StreamSetup(link, TimeProvider.System, NullLogger<StreamSetup>.Instance);
        var store = new CallStore(new StreamPublisher(link, TimeProvider.System, NullLogger<StreamPublisher>.Instance), setup, options);
        var (book, reports) = (new PauseBook(link, options, TimeProvider.System, NullLogger<PauseBook>.Instance), new WorkerReports(link, TimeProvider.System));
        using var watch = new QueueWatch(link, new QueueOverview(link, book, setup, reports), book, reports, store, options, TimeProvider.System, NullLogger<QueueWatch>.Instance);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var reading = book.RunAsync(end.Token);
        await using var looks = await stored.ListenAsync("$JS.API.CONSUMER.LIST.OF_passing");
        var call = DeadLetterSeed.Call();
        await store.StoreAsync("passing", call, EnvelopeCodec.Encode(call), default, messageId: null);

        await watch.StartAsync(ct);
        await LookedAsync(looks, 1);
        await stored.JetStream.DeleteStreamAsync(StreamNames.Calls("passing"));

        // With the second list from here on, what the first told is dealt with.
        await using var lists = await stored.ListenAsync("$JS.API.STREAM.LIST");
        await LookedAsync(lists, 2);
        await watch.StopAsync(ct);
        Assert.False(store.Forget("passing"));

        await store.StoreAsync("passing", call, EnvelopeCodec.Encode(call), default, messageId: null);
        Assert.True(store.Forget("passing"));
        await end.CancelAsync();
        await reading;
    }

    private static async Task StoreAsync(StoredCalls stored, string queue) =>
        (await stored.JetStream.PublishAsync(StreamNames.CallSubject(queue, Priority.Normal, new FunctionName("f", "openfaas-fn")), "")).EnsureSuccess();

    // As by a worker whose slots are all taken: it has the call, and asks for no other.
    private static async Task StoreAtWorkAsync(StoredCalls stored, string queue)
    {
        await stored.JetStream.CreateStreamAsync(StreamSetup.ConfigOf(StreamShape.Calls(queue, new StreamLimits())));
        await StoreAsync(stored, queue);
        var consumer = await stored.JetStream.CreateConsumerAsync(
            StreamNames.Calls(queue), new ConsumerConfig("worker") { AckPolicy = ConsumerConfigAckPolicy.Explicit, AckWait = TimeSpan.FromHours(1) });
        Assert.NotNull(await consumer.NextAsync<string>());
    }

    // As workers share it.
    private static async Task<INatsJSConsumer> CallbackConsumerAsync(StoredCalls stored, string queue) => await stored.JetStream.CreateConsumerAsync(
        StreamNames.Callbacks(queue), new ConsumerConfig(StreamNames.CallbackConsumer) { AckPolicy = ConsumerConfigAckPolicy.Explicit });

    // Asks for a message again and again.
    private static async Task PullAsync(INatsJSConsumer consumer, CancellationToken ct)
    {
        try
        {
            while (!ct.IsCancellationRequested)
            {
                _ = await consumer.NextAsync<string>(cancellationToken: ct);
            }
        }
        catch (OperationCanceledException)
        {
            // It is over.
        }
    }

    private static async Task LookedAsync(INatsSub<string> looks, int count)
    {
        for (var look = 0; look < count; look++)
        {
            await looks.Msgs.ReadAsync().AsTask().WaitAsync(Eventually.Patience);
        }
    }

    private static Task<double?> UntakenAsync(TestGateway gateway, string queue) => gateway.Process.MetricAsync($"gateway_queue_untaken_seconds{{queue_name=\"{queue}\"}}");

    /// <summary>Says as a worker does that it is there, with a call in hand, until it is disposed of.</summary>
    private sealed class TellingWorker : IAsyncDisposable
    {
        private readonly CancellationTokenSource _end = new();
        private readonly Task _telling;

        public TellingWorker(StoredCalls stored, string queue) => _telling = TellAsync(stored, queue);

        public async ValueTask DisposeAsync()
        {
            await _end.CancelAsync();
            await _telling;
            _end.Dispose();
        }

        private async Task TellAsync(StoredCalls stored, string queue)
        {
            using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), TimeProvider.System);
            try
            {
                do
                {
                    await stored.ReportAsync(queue, "f.openfaas-fn", running: 1);
                }
                while (await timer.WaitForNextTickAsync(_end.Token));
            }
            catch (OperationCanceledException)
            {
                // It is gone.
            }
        }
    }
}
