using System.Text;
using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using NATS.Client.Core;

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

        // Without any call the breaker would be closed.
        await bench.EnqueueAsync();
        await bench.StartWorkerAsync();
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
    public async Task A_callback_whose_retry_may_be_stored_is_not_posted_beside_it()
    {
        var posts = 0;
        await using var proxy = new NatsProxy(nats.Server.Port);
        await using var bench = await Bench.StartWithoutWorkerAsync(
            (_, http) =>
            {
                http.Response.StatusCode = Interlocked.Increment(ref posts) == 1 ? 503 : 200;
                return Task.CompletedTask;
            },
            Through(proxy),
            nats.Server);
        proxy.LoseAnswers(bench.Callbacks, AllTries);
        await Faults.StoreRecordAsync(bench, Bench.Call() with { Callback = bench.CallbackUrl.ToString() }, status: 200);
        await bench.StartWorkerAsync();

        await bench.HoldsAsync(bench.Callbacks, 0);

        Assert.Equal(2, bench.Posts.Count);
        Assert.Equal(0, await bench.CountAsync(bench.Dead));
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

    // In a cluster account and server look for room before the stream looks for the id: they say nothing of what was stored before.
    [Theory]
    [InlineData(10002, "resource limits exceeded for account", true)]
    [InlineData(10023, "insufficient resources", true)]
    [InlineData(10077, "maximum messages exceeded", false)]
    public async Task A_copy_that_may_be_stored_is_forgotten_only_when_its_stream_does_not_know_it(int code, string words, bool isKept)
    {
        await using var stream = await ScriptedStream.StartAsync(nats.Server);
        await stream.DoubtAsync(1);

        stream.Answer = $"{{\"error\":{{\"code\":503,\"err_code\":{code},\"description\":\"{words}\"}},\"stream\":\"s\",\"seq\":0}}";
        Assert.Equal(isKept, await stream.EndInDoubtAsync(1));
        stream.Answer = ScriptedStream.Duplicate;
        Assert.Equal(isKept, await stream.EndInDoubtAsync(1));
        Assert.False(await stream.EndInDoubtAsync(1));
    }

    [Fact]
    public async Task Of_more_copies_in_doubt_than_are_remembered_the_oldest_is_forgotten()
    {
        const int Remembered = 1_000;
        await using var stream = await ScriptedStream.StartAsync(nats.Server);
        for (var sequence = 1; sequence <= Remembered + 1; sequence++)
        {
            await stream.DoubtAsync(sequence);
        }

        stream.Answer = ScriptedStream.Duplicate;
        Assert.False(await stream.EndInDoubtAsync(1));
        Assert.True(await stream.EndInDoubtAsync(2));
        Assert.True(await stream.EndInDoubtAsync(Remembered + 1));
    }

    private static Dictionary<string, string> Through(NatsProxy proxy) => new() { ["nats_port"] = proxy.Port.ToString(), ["ack_wait"] = "1s" };

    /// <summary>A worker's acks, and in place of a stream somebody who answers each write as it is told.</summary>
    private sealed class ScriptedStream : IAsyncDisposable
    {
        public const string Duplicate = """{"stream":"s","seq":1,"duplicate":true}""";

        // The first one's fate is open.
        private const string InProcess = """{"error":{"code":409,"err_code":10158,"description":"duplicate message id is in process"},"stream":"s","seq":0}""";

        private readonly string _subject = StreamNames.CallSubject("q" + Guid.NewGuid().ToString("N")[..8], Priority.Normal, Bench.Echo);
        private readonly CancellationTokenSource _end = new();
        private readonly NatsLink _link;
        private readonly AckSender _sender;
        private readonly Acks _acks;
        private Task _answering = Task.CompletedTask;

        private ScriptedStream(NatsServer server)
        {
            var options = QueueWorkerOptions.Read(new Settings(new Dictionary<string, string> { ["nats_host"] = "127.0.0.1", ["nats_port"] = server.Port.ToString() }));
            _link = new NatsLink(options.Nats, new NatsRole("test", IsNeeded: true, () => { }), new Readiness(), TimeProvider.System, NullLoggerFactory.Instance);
            _sender = new AckSender(_link, TimeProvider.System);
            var writer = new RecordWriter(options, new StreamPublisher(_link, TimeProvider.System, NullLogger<StreamPublisher>.Instance));
            _acks = new Acks(options, _link, writer, new WaitingRetries(TimeProvider.System), TimeProvider.System, NullLogger<Acks>.Instance);
        }

        public string Answer { get; set; } = InProcess;

        private static CancellationToken Ct => TestContext.Current.CancellationToken;

        public static async Task<ScriptedStream> StartAsync(NatsServer server)
        {
            var stream = new ScriptedStream(server);
            await stream._link.StartAsync(Ct);
            await stream._link.OpenAsync(Ct);
            var writes = await stream._link.Connection.SubscribeCoreAsync<byte[]>(stream._subject, cancellationToken: Ct);
            stream._answering = stream.AnswerAsync(writes);
            return stream;
        }

        /// <summary>Has a message nakked so often that it is replaced by a copy, of which it is not known whether it is stored.</summary>
        public Task DoubtAsync(int sequence) => _acks.NakAsync(Next(sequence), Bench.Call(), TimeSpan.Zero, Ct);

        public ValueTask<bool> EndInDoubtAsync(int sequence) => _acks.EndInDoubtAsync(Next(sequence), Ct);

        public async ValueTask DisposeAsync()
        {
            await _end.CancelAsync();
            await _answering;
            _end.Dispose();
            await _link.DisposeAsync();
        }

        private async Task AnswerAsync(INatsSub<byte[]> writes)
        {
            await using (writes)
            {
                try
                {
                    await foreach (var write in writes.Msgs.ReadAllAsync(_end.Token))
                    {
                        await write.ReplyAsync(Encoding.UTF8.GetBytes(Answer), cancellationToken: _end.Token);
                    }
                }
                catch (OperationCanceledException)
                {
                    // All is answered.
                }
            }
        }

        private Delivery Next(int sequence)
        {
            var address = DeliveryAddress.Read($"$JS.ACK.stream.consumer.9.{sequence}.{sequence}.1700000000000000000.0")!.Value;
            return new Delivery(_sender, address, made: null, _subject, default, default);
        }
    }
}
