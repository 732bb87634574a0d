using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;
using CsCheck;

namespace Connectors.QueueWorker.Tests;

/// <summary>
/// A worker with 8 slots among functions and receivers that answer nonsense, and with streams that others write to. Whatever comes, no slot is lost, every
/// call and message has its end, and an innocent call always runs. <c>NASTY_COUNT</c> says how many, <c>NASTY_SEED</c> repeats a run.
/// </summary>
public sealed class NastyTests(SharedNats nats, ITestOutputHelper output) : IClassFixture<SharedNats>
{
    private const int Slots = 8;
    private static readonly int Count = int.TryParse(Environment.GetEnvironmentVariable("NASTY_COUNT"), out var count) ? count : 200;
    private static readonly ulong Seed = ulong.TryParse(Environment.GetEnvironmentVariable("NASTY_SEED"), out var seed) ? seed : (ulong)TimeProvider.System.GetTimestamp();
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private static readonly Dictionary<string, string> Options = new()
    {
        ["max_inflight"] = $"{Slots}",
        ["max_retry_attempts"] = "2",
        ["initial_retry_wait"] = "20ms",
        ["max_retry_wait"] = "40ms",
        ["upstream_timeout"] = "1s",
        // What is learned of a function that never answers is to ask it one call at a time; here each slot is to be seen.
        ["limiter_enabled"] = "false",
        ["callback_timeout"] = "2s",
        ["callback_initial_wait"] = "20ms",
        ["callback_max_wait"] = "100ms",
        ["callback_max_age"] = "3s",
        ["debug"] = "false",
    };

    [Theory]
    [InlineData("static")]
    [InlineData("function")]
    public async Task Nasty_answers_cost_no_slot_and_no_call(string mode)
    {
        output.WriteLine($"NASTY_SEED={Seed} NASTY_COUNT={Count}");
        var answers = OddAnswers.All.Array[Count].Generate(new PCG(1, Seed), null, out _);
        var receipts = OddAnswers.All.Array[Count].Generate(new PCG(2, Seed), null, out _);
        await using var raw = RawServer.Start(request => request.Header("X-Call-Id")?.Split('-') switch
        {
            ["nasty", var i] => request.Target.StartsWith("/function/", StringComparison.Ordinal) ? answers[int.Parse(i, CultureInfo.InvariantCulture)] : receipts[int.Parse(i, CultureInfo.InvariantCulture)],
            ["hang", _] => new RawAnswer("", After.Hang),
            _ => RawAnswer.Ok,
        });
        await using var bench = await Bench.StartAsync(options: new(Options) { ["scaling_mode"] = mode, ["gateway_url"] = raw.Url.ToString() }, server: nats.Server);

        for (var i = 0; i < Count; i++)
        {
            await bench.EnqueueAsync(Call($"nasty-{i}", "nasty") with { Callback = raw.Url + "callback" });
            if (i % 50 == 0)
            {
                await bench.EnqueueAsync(Innocent(i));
            }
        }

        await IsDoneAsync(bench);
        var innocent = raw.Requests.Where(r => r.Target.StartsWith("/function/innocent", StringComparison.Ordinal)).Select(r => r.Header("X-Call-Id")).Distinct().Count();
        Assert.Equal((Count + 49) / 50, innocent);
        await Eventually.HoldsAsync(async () => await EndsAsync(bench) == Count + innocent, "each call has one end");

        // The history tells of each end, and of each callback's; what did not succeed, or was not told, left a letter.
        IReadOnlyList<EndedCall> told = [];
        await Eventually.HoldsAsync(
            async () => (told = await HistoryTests.EndsAsync(bench)).Count == (2 * Count) + innocent, () => $"each call and each callback has one end; {told.Count} are told (NASTY_SEED={Seed})");
        var letters = await bench.ReadAsync(bench.Dead);
        Assert.Equal(Count, told.Where(end => end.State == EndStates.Callback).Select(end => end.DeliveryId).Distinct().Count());
        Assert.Equal(told.Count(end => end.State == EndStates.Dead), letters.Count(letter => letter.Subject.Contains(".dead.call.", StringComparison.Ordinal)));
        Assert.Equal(
            told.Count(end => end.Callback is { State: CallbackStates.Refused or CallbackStates.Expired }), letters.Count(letter => letter.Subject.Contains(".dead.callback.", StringComparison.Ordinal)));
        await EverySlotIsLeftAsync(bench);
    }

    [Theory]
    [InlineData("static")]
    [InlineData("function")]
    public async Task Foreign_and_corrupt_messages_on_both_streams_all_end(string mode)
    {
        output.WriteLine($"NASTY_SEED={Seed} NASTY_COUNT={Count}");
        await using var raw = RawServer.Start(request => request.Header("X-Call-Id")?.StartsWith("hang", StringComparison.Ordinal) == true ? new RawAnswer("", After.Hang) : RawAnswer.Ok);

        // What is sent is answered, and no call is stored again to be retried: each message that was stored has an end of its own.
        await using var bench = await Bench.StartAsync(
            options: new(Options) { ["scaling_mode"] = mode, ["gateway_url"] = raw.Url.ToString(), ["upstream_timeout"] = "1m" }, server: nats.Server);
        var random = new PCG(3, Seed);

        for (var i = 0; i < Count; i++)
        {
            foreach (var stream in new[] { $"{bench.Queue}.call.{(i % 3 == 0 ? "high" : "normal")}", $"{bench.Queue}.callback" })
            {
                var message = Nasty.Messages.Generate(random, null, out _);
                var subject = $"{stream}.{(message.Tail.Length > 0 ? message.Tail : "openfaas-fn.echo")}";
                await bench.PublishAsync(subject, message.Body, null, [.. message.Headers.Select(h => (h.Key, h.Value))]);
            }

            if (i % 25 == 0)
            {
                await PublishRawAsync(bench, $"{bench.Queue}.call.normal.openfaas-fn.echo", Nasty.HeaderBlocks.Generate(random, null, out _));
                await bench.EnqueueAsync(Innocent(i));
            }
        }

        await IsDoneAsync(bench);
        Assert.Equal((Count + 24) / 25, raw.Requests.Where(r => r.Target.StartsWith("/function/innocent", StringComparison.Ordinal)).Select(r => r.Header("X-Call-Id")).Distinct().Count());
        await EachHasAnEndAsync(bench);
        await EverySlotIsLeftAsync(bench);
    }

    // Of the calls' stream: a line of the history, or a letter that names the message by its place. Callback records of strangers may have one delivery id, by
    // which a copy of one is taken for that of another; so they cannot be counted.
    private static async Task EachHasAnEndAsync(Bench bench)
    {
        var stored = (long)await bench.StoredAsync(bench.Calls);
        var foreign = (await bench.ReadAsync(bench.Dead)).Count(letter => letter.Header("Nats-Msg-Id")?.StartsWith($"d.f.{bench.Calls}.", StringComparison.Ordinal) == true);
        var told = 0;
        await Eventually.HoldsAsync(
            async () => (told = (await HistoryTests.EndsAsync(bench)).Count(end => end.State != EndStates.Callback)) + foreign == stored,
            () => $"each of {stored} messages has one end: {foreign} have a letter, {told} are in the history (NASTY_SEED={Seed}); the worker wrote:\n{bench.Worker.Process.Tail()}");
        Assert.InRange(foreign, 1, stored);
    }

    private static Envelope Call(string id, string function) => Bench.Call(new FunctionName(function, "openfaas-fn")) with { CallId = id };

    // A busy machine may not get it to its function in time, again and again.
    private static Envelope Innocent(int i) => Call($"innocent-{i}", "innocent") with { Retry = new RetrySettings { Attempts = 20 } };

    private static Task IsDoneAsync(Bench bench) => Eventually.HoldsAsync(
        async () => await bench.CountAsync(bench.Calls) + await bench.CountAsync(bench.Callbacks) == 0,
        () => $"everything ends (NASTY_SEED={Seed}); the worker wrote:\n{bench.Worker.Process.Tail()}",
        Patience);

    private static async Task<double> EndsAsync(Bench bench)
    {
        var ends = 0.0;
        foreach (var function in new[] { "nasty", "innocent" })
        {
            foreach (var end in new[] { "succeeded", "dead", "cancelled", "expired" })
            {
                ends += await bench.Worker.MetricAsync($"queue_worker_call_ends_total{{queue_name=\"{bench.Queue}\",function_name=\"{function}.openfaas-fn\",end=\"{end}\"}}") ?? 0;
            }
        }

        return ends;
    }

    // As many calls as there are slots run at once again.
    private static async Task EverySlotIsLeftAsync(Bench bench)
    {
        await bench.Worker.IsReadyAsync();
        Assert.False(bench.Worker.Process.HasExited);
        for (var i = 0; i < 40 * Slots; i++)
        {
            await bench.EnqueueAsync(Call($"hang-{i}", "hang"));
        }

        await Eventually.HoldsAsync(
            async () => await bench.Worker.MetricAsync($"queue_worker_function_invocation_inflight{{queue_name=\"{bench.Queue}\",function_name=\"hang.openfaas-fn\"}}") == Slots,
            () => $"all slots take calls (NASTY_SEED={Seed}); the worker wrote:\n{bench.Worker.Process.Tail()}");
    }

    // The client of our tests refuses to write such a block; a socket does not.
    private static async Task PublishRawAsync(Bench bench, string subject, byte[] block)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync("127.0.0.1", bench.Server.Port);
        await using var stream = new NetworkStream(socket);
        var total = block.Length.ToString(CultureInfo.InvariantCulture);
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"CONNECT {{\"verbose\":false,\"headers\":true}}\r\nHPUB {subject} {total} {total}\r\n"));
        await stream.WriteAsync(block);
        await stream.WriteAsync(Encoding.ASCII.GetBytes("\r\nPING\r\n"));
        using var reader = new StreamReader(stream);
        while (await reader.ReadLineAsync() is { } line && line != "PONG")
        {
            // INFO, or what the server thinks of it.
        }
    }
}
