using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.QueueWorker.Tests;

/// <summary>Copies that take a message's place, and whose answers are lost: each is stored, and the worker does not know. No call runs twice for it.</summary>
public sealed class UnknownWriteTests(SharedNats nats) : IClassFixture<SharedNats>
{
    // More than are tried within ten times ack_wait.
    private const int AllTries = 6;

    [Fact]
    public async Task A_call_that_may_lie_aside_is_no_probe()
    {
        await using var proxy = new NatsProxy(nats.Server.Port);
        await using var bench = await Bench.StartWithoutWorkerAsync(options: Through(proxy), server: nats.Server);
        var now = TimeProvider.System.GetUtcNow();
        await bench.BreakAsync(Bench.Echo, new OpenBreaker { At = now, ProbeAt = now, Wait = TimeSpan.FromMilliseconds(100), MaxWait = TimeSpan.FromMilliseconds(100) });
        proxy.LoseAnswers(bench.Aside, AllTries);
        await bench.StartWorkerAsync();

        await bench.EnqueueAsync();
        await bench.IsEmptyAsync();

        Assert.Single(bench.Sends);
    }

    [Fact]
    public async Task R5_a_call_whose_retry_may_be_stored_is_not_run_beside_it()
    {
        await using var proxy = new NatsProxy(nats.Server.Port);
        await using var bench = await Bench.StartWithoutWorkerAsync(Bench.Statuses(500, 200), Through(proxy), nats.Server);
        proxy.LoseAnswers(bench.Calls, AllTries);
        await bench.StartWorkerAsync();

        await bench.EnqueueAsync();
        await bench.IsEmptyAsync();

        Assert.Equal(["1", "2"], bench.Sends.Select(send => send.Header("X-Attempt")));
    }

    [Fact]
    public async Task R12_a_nakked_call_whose_copy_may_be_stored_is_not_run_beside_it()
    {
        await using var proxy = new NatsProxy(nats.Server.Port);
        await using var bench = await Bench.StartWithoutWorkerAsync(options: Through(proxy), server: nats.Server);
        proxy.LoseAnswers(bench.Calls, 1);
        await bench.EnqueueAsync(Bench.Call() with { Attempt = 2, NotBefore = TimeProvider.System.GetUtcNow() + TimeSpan.FromSeconds(20) });
        await LostWorkerTests.GiveBackAsync(bench, times: 2);
        await bench.StartWorkerAsync();

        await bench.IsEmptyAsync();

        Assert.Single(bench.Sends);
    }

    [Fact]
    public async Task R12_a_nak_waits_for_what_is_left_when_its_copy_has_no_answer()
    {
        var ct = TestContext.Current.CancellationToken;
        await using var proxy = new NatsProxy(nats.Server.Port);
        var time = new FakeTimeProvider();
        var options = QueueWorkerOptions.Read(new Settings(new Dictionary<string, string> { ["nats_host"] = "127.0.0.1", ["nats_port"] = proxy.Port.ToString() }));
        await using var link = new NatsLink(options.Nats, new NatsRole("test", IsNeeded: true, () => { }), new Readiness(), time, NullLoggerFactory.Instance);
        await link.StartAsync(ct);
        await link.OpenAsync(ct);
        var waiting = new WaitingRetries(time);
        var writer = new RecordWriter(options, new StreamPublisher(link, time, NullLogger<StreamPublisher>.Instance));
        var acks = new Acks(options, link, writer, waiting, time, NullLogger<Acks>.Instance);
        var call = Bench.Call() with { Attempt = 2, NotBefore = time.GetUtcNow() + TimeSpan.FromSeconds(20) };
        var address = DeliveryAddress.Read("$JS.ACK.stream.consumer.9.1.1.1700000000000000000.0")!.Value;
        var delivery = new Delivery(new AckSender(link, time), address, made: null, StreamNames.CallSubject("q", Priority.Normal, Bench.Echo), default, default);

        var held = proxy.Hold(call.DeliveryId);
        var nakking = acks.NakAsync(delivery, call, TimeSpan.FromSeconds(20), ct);
        await held.Reached;
        time.Advance(TimeSpan.FromSeconds(5));
        await nakking;

        Assert.Equal(TimeSpan.FromSeconds(15), delivery.Again);
        time.Advance(TimeSpan.FromSeconds(15));
        Assert.Empty(waiting.Count());
    }

    private static Dictionary<string, string> Through(NatsProxy proxy) => new() { ["nats_port"] = proxy.Port.ToString(), ["ack_wait"] = "1s" };
}
