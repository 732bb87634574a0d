using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Connectors.Testing;

namespace Connectors.EndToEnd.Tests;

/// <summary>
/// What is promised of a call that was answered with 202 (docs/delivery-states.md), tried: each part is killed once under load and started
/// again, in an order that differs from run to run. What ran stands in a file that the function wrote, what was called back in the receiver's own list.
/// </summary>
public sealed class FaultRoundTests(ITestOutputHelper output)
{
    private const int CallsARound = 80;
    private const int Callers = 4;
    private const int Slots = 10;

    [Fact]
    public async Task Every_202_is_run_and_called_back_whatever_part_dies()
    {
        await using var function = await LedgerFunction.StartAsync();

        // Callers repeat: an answer that was lost with a server is not waited for as long as elsewhere.
        await using var pipeline = await Pipeline.StartAsync(work: function.Url, worker: Worker(), gateway: new Dictionary<string, string> { ["nats_publish_timeout"] = "10s" });
        var accepted = new ConcurrentDictionary<string, bool>();
        (string Part, Func<Task> Kill, Func<Task> Start)[] parts =
        [
            ("worker", pipeline.Worker.KillAsync, () => pipeline.Worker.StartAgainAsync()),
            ("gateway", pipeline.Gateway.KillAsync, () => pipeline.Gateway.StartAgainAsync()),
            ("nats-server", pipeline.Nats.KillAsync, () => pipeline.Nats.StartAgainAsync()),
            ("function", function.KillAsync, function.StartAgainAsync),
            ("receiver", pipeline.Callbacks.StopAsync, pipeline.Callbacks.StartAgainAsync),
        ];
        new Random(Environment.TickCount).Shuffle(parts);
        output.WriteLine($"killed in this order: {string.Join(", ", parts.Select(p => p.Part))}");

        foreach (var (part, kill, start) in parts)
        {
            var ran = function.Runs.Count;
            var load = CallAsync(pipeline, part, accepted);
            await Eventually.HoldsAsync(() => function.Runs.Count >= ran + (CallsARound / 4), $"calls run before the death of the {part}");
            await kill();
            await start();
            await load;
        }

        await Eventually.HoldsAsync(
            () => !Missing().Any(), () => $"every accepted call is run and called back; these are not: {string.Join(", ", Missing())}; the worker wrote:\n{pipeline.Worker.Process.Tail()}");
        await pipeline.EndsAsync(dead: 0);
        Compare(accepted, function.Runs, [.. CallbacksOf(pipeline)]);
        Assert.All(pipeline.Callbacks.Answered, c => Assert.Equal("200", c.Header("X-Function-Status")));

        IEnumerable<string> Missing() => accepted.Keys.Except(CallbacksOf(pipeline).Select(c => c.CallId)).Concat(function.Runs.Except(CallbacksOf(pipeline)).Select(run => $"{run}"));
    }

    private void Compare(ConcurrentDictionary<string, bool> accepted, IReadOnlyList<FunctionRun> runs, IReadOnlyList<FunctionRun> callbacks)
    {
        var (deliveries, calledBack) = (runs.ToHashSet(), callbacks.ToHashSet());
        output.WriteLine($"{accepted.Count} accepted, {deliveries.Count} stored, {runs.Count} runs, {callbacks.Count} callbacks");

        Assert.Equal(5 * CallsARound, accepted.Count);
        Assert.Equal(accepted.Keys.ToHashSet(), runs.Select(r => r.CallId).ToHashSet());
        Assert.Equal(deliveries, calledBack);

        // A caller whose answer was lost calls again with its key, which a broker knows again only while it lives.
        Assert.InRange(deliveries.Count - accepted.Count, 0, Callers);

        // Duplicates only where something died, at most what was in flight there; and as much again for leases that a machine too busy to renew them loses.
        Assert.InRange(runs.Count - deliveries.Count, 0, 5 * Slots);
        Assert.InRange(callbacks.Count - calledBack.Count, 0, 5 * Slots);
    }

    // An ack_wait that a busy machine does not miss: a lease that is lost for want of time would count as a duplicate.
    private static Dictionary<string, string> Worker() => new() { ["max_inflight"] = $"{Slots}", ["callback_max_inflight"] = $"{Slots}", ["ack_wait"] = "10s" };

    private static IEnumerable<FunctionRun> CallbacksOf(Pipeline pipeline) => pipeline.Callbacks.Answered.Select(c => new FunctionRun(c.CallId!, c.Header("webhook-id")!));

    private static Task CallAsync(Pipeline pipeline, string round, ConcurrentDictionary<string, bool> accepted) =>
        Parallel.ForEachAsync(Enumerable.Range(0, CallsARound), new ParallelOptions { MaxDegreeOfParallelism = Callers }, async (i, _) =>
        {
            var id = $"{round}-{i}";
            await Eventually.HoldsAsync(
                async () =>
                {
                    using var answer = await pipeline.CallAsync(
                        "work", Encoding.UTF8.GetBytes(id), ("X-Call-Id", id), ("Idempotency-Key", id), ("X-Callback-Url", pipeline.Callbacks.Url.ToString()));
                    return answer.StatusCode == HttpStatusCode.Accepted;
                },
                $"{id} is accepted");
            accepted[id] = true;
        });
}
