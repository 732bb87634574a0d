using Connectors.Streams.Records;
using Connectors.Testing;

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

    private static Dictionary<string, string> Through(NatsProxy proxy) => new() { ["nats_port"] = proxy.Port.ToString(), ["ack_wait"] = "1s" };
}
