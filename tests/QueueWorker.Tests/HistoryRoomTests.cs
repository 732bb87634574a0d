using System.Text;
using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream.Models;

namespace Connectors.QueueWorker.Tests;

/// <summary>What waits to be written to the history, how much of it there may be, and under which id it is written again.</summary>
public sealed class HistoryRoomTests(SharedNats nats) : IClassFixture<SharedNats>
{
    // So long that each is a message of its own; so many that they are half of what may wait.
    private const int TagLength = 64 * 1024;
    private const int Half = 4 * 1024 * 1024 / TagLength;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_was_written_makes_room_for_what_comes()
    {
        await using var history = await Running.StartAsync(nats.Server);
        for (var round = 1; round <= 3; round++)
        {
            history.End(Half);
            await history.HoldsAsync(round * Half);
        }

        Assert.Equal(0, await history.DroppedAsync());
    }

    [Fact]
    public async Task What_a_stream_refuses_waits_as_far_as_there_is_room_and_is_counted_beyond()
    {
        await using var history = await Running.StartAsync(nats.Server, async (stream, config) =>
        {
            (config.Discard, config.MaxMsgs) = (StreamConfigDiscard.New, 1);
            await stream.Link.JetStream.CreateStreamAsync(config, Ct);
            await stream.Link.Connection.PublishAsync(config.Subjects!.Single(), "{}"u8.ToArray(), cancellationToken: Ct);
        });
        await history.HoldsAsync(1);

        history.End(3 * Half);
        var dropped = await history.DroppedAsync();
        Assert.InRange(dropped, Half, Half * 5 / 4);

        await history.ChangeAsync(config => config with { MaxMsgs = -1 });
        await history.HoldsAsync(1 + (3 * Half) - (long)dropped);
        history.End(Half);
        await history.HoldsAsync(1 + (4 * Half) - (long)dropped);
        Assert.Equal(dropped, await history.DroppedAsync());
    }

    // The stream says nothing; the test answers in its place.
    [Theory]
    [InlineData("""{"stream":"s","seq":0,"duplicate":true}""", true)]
    [InlineData("""{"error":{"code":409,"err_code":10158,"description":"duplicate message id is in process"},"stream":"s","seq":0}""", false)]
    public async Task What_is_written_again_has_another_id_only_where_the_server_holds_the_first_without_the_message(string answer, bool isRenewed)
    {
        await using var history = await Running.StartAsync(nats.Server, async (stream, config) =>
        {
            config.NoAck = true;
            await stream.Link.JetStream.CreateStreamAsync(config, Ct);
        });
        await using var writes = await history.Link.Connection.SubscribeCoreAsync<byte[]>(StreamNames.HistorySubject(history.Queue), cancellationToken: Ct);

        history.End(1);
        var first = await writes.Msgs.ReadAsync(Ct);
        await first.ReplyAsync(Encoding.UTF8.GetBytes(answer), cancellationToken: Ct);
        var again = writes.Msgs.ReadAsync(Ct).AsTask();
        await Eventually.HoldsAsync(
            () =>
            {
                history.Time.Advance(Running.Pause);
                return again.IsCompleted;
            },
            "it is written again");
        var second = await again;
        await second.ReplyAsync("""{"stream":"s","seq":7}"""u8.ToArray(), cancellationToken: Ct);

        Assert.Equal(isRenewed, IdOf(first) != IdOf(second));
        Assert.Equal(first.Data, second.Data);
        await Eventually.HoldsAsync(async () => await Samples.ReadAsync("queue_worker_history_written_total", history.Queue) == 1, "it is written");
    }

    // The first failure comes with the stop, the second when the time for what is written last is over.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task What_waits_in_the_moment_of_a_stop_is_written_or_counted_whatever_fails(int failures)
    {
        await using var history = await Running.StartAsync(nats.Server, failures: failures);

        history.End(1);
        await history.WhenEndedAsync();

        Assert.Equal(1, await history.WrittenAsync() + await history.DroppedAsync());
    }

    private static string IdOf(NatsMsg<byte[]> message) => message.Headers!["Nats-Msg-Id"].ToString();

    /// <summary>A worker's history over a real server, with a clock of its own for how long it waits after a refusal.</summary>
    private sealed class Running : IAsyncDisposable
    {
        public static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);

        private readonly CancellationTokenSource _stopping = new();
        private readonly QueueWorkerOptions _options;
        private readonly CallHistory _history;
        private Task _running = Task.CompletedTask;
        private int _ended;

        private Running(NatsServer server, int failures)
        {
            _options = QueueWorkerOptions.Read(new Settings(new Dictionary<string, string>
            {
                ["queue_name"] = Queue,
                ["nats_host"] = "127.0.0.1",
                ["nats_port"] = server.Port.ToString(),
            }));
            Link = new NatsLink(_options.Nats, new NatsRole("test", IsNeeded: true, () => { }), new Readiness(), TimeProvider.System, NullLoggerFactory.Instance);
            _history = new CallHistory(
                _options,
                new StreamPublisher(Link, TimeProvider.System, NullLogger<StreamPublisher>.Instance),
                new StreamSetup(Link, TimeProvider.System, new StoppingLog(failures, _stopping, Time)),
                Link,
                Time,
                NullLogger<CallHistory>.Instance);
        }

        public string Queue { get; } = "q" + Guid.NewGuid().ToString("N")[..8];

        public NatsLink Link { get; }

        public FakeTimeProvider Time { get; } = new();

        /// <summary>Starts it, on a stream that was made before if <paramref name="make"/> does; it is stopped by the first of so many failures.</summary>
        public static async Task<Running> StartAsync(NatsServer server, Func<Running, StreamConfig, Task>? make = null, int failures = 0)
        {
            var running = new Running(server, failures);
            await running.Link.StartAsync(Ct);
            await running.Link.OpenAsync(Ct);
            if (make is not null)
            {
                var history = running._options.History;
                await make(running, StreamSetup.ConfigOf(StreamShape.History(running.Queue, running._options.Limits, history.MaxBytes, history.MaxAge)));
            }

            running._running = running._history.RunAsync(running._stopping.Token);
            return running;
        }

        /// <summary>So many calls end.</summary>
        public void End(int count)
        {
            for (var i = 0; i < count; i++)
            {
                var call = Bench.Call() with { Tags = [$"{_ended++}".PadRight(TagLength, 't')] };
                _history.Ended(call, new CallEnd(new Outcome { Kind = OutcomeKind.Succeeded, Status = 200 }), size: 0);
            }
        }

        /// <summary>Waits until the stream holds so many messages; whatever waits after a refusal does not wait for long.</summary>
        public Task HoldsAsync(long count) => Eventually.HoldsAsync(
            async () =>
            {
                Time.Advance(Pause);
                return (await Link.JetStream.GetStreamAsync(StreamNames.History(Queue))).Info.State.Messages == count;
            },
            $"the stream holds {count} messages");

        public async Task ChangeAsync(Func<StreamConfig, StreamConfig> change)
        {
            var config = (await Link.JetStream.GetStreamAsync(StreamNames.History(Queue), cancellationToken: Ct)).Info.Config;
            await Link.JetStream.UpdateStreamAsync(change(config), Ct);
        }

        public Task WhenEndedAsync() => _running.WaitAsync(Eventually.Patience);

        public async Task<double> WrittenAsync() => await Samples.ReadAsync("queue_worker_history_written_total", Queue) ?? 0;

        public async Task<double> DroppedAsync() => await Samples.ReadAsync("queue_worker_history_dropped_total", Queue) ?? 0;

        public async ValueTask DisposeAsync()
        {
            await _stopping.CancelAsync();
            await _running;
            _history.Dispose();
            _stopping.Dispose();
            await Link.DisposeAsync();
        }
    }

    // What looks after streams fails as it tells of one: no cancellation, in the moment of one.
    private sealed class StoppingLog(int failures, CancellationTokenSource stopping, FakeTimeProvider time) : ILogger<StreamSetup>
    {
        private int _failures = failures;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel)
        {
            if (_failures-- <= 0)
            {
                return false;
            }

            stopping.Cancel();
            time.Advance(Running.Pause);
            throw new InvalidOperationException("it was taken down already");
        }

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
        }
    }
}
