using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.EndToEnd.Tests;

/// <summary>The promise of design section 11, tried: each part dies once under load, and every 202 ends.</summary>
public class FaultRoundTests
{
    private const int Calls = 400;
    private const int Slots = 10;

    [Fact]
    public async Task Every_202_is_run_and_called_back_whatever_part_dies()
    {
        await using var pipeline = await Pipeline.StartAsync(
            AnswerAsync, worker: new Dictionary<string, string> { ["max_inflight"] = Slots.ToString() });
        var accepted = new ConcurrentDictionary<string, bool>();
        var load = CallAllAsync(pipeline, accepted);

        await AfterAsync(50, accepted, async () => { await pipeline.Worker.KillAsync(); await pipeline.Worker.StartAgainAsync(); });
        await AfterAsync(120, accepted, async () => { await pipeline.Gateway.KillAsync(); await pipeline.Gateway.StartAgainAsync(); });
        await AfterAsync(190, accepted, async () => { await pipeline.Nats.KillAsync(); await pipeline.Nats.StartAgainAsync(); });
        await AfterAsync(260, accepted, async () => { await pipeline.Function.StopAsync(); await pipeline.Function.StartAgainAsync(); });
        await AfterAsync(330, accepted, async () => { await pipeline.Callbacks.StopAsync(); await pipeline.Callbacks.StartAgainAsync(); });
        await load;
        await Eventually.HoldsAsync(
            () => accepted.Keys.Except(pipeline.Callbacks.Answered.Select(c => c.CallId!)).ToList() is { Count: 0 },
            "every accepted call is called back");

        Assert.Equal(Calls, accepted.Count);
        Assert.All(pipeline.Callbacks.Answered, c => Assert.Equal("200", c.Header("X-Function-Status")));
        OneDeliveryEach(pipeline, accepted);
    }

    private static void OneDeliveryEach(Pipeline pipeline, ConcurrentDictionary<string, bool> accepted)
    {
        var runs = pipeline.Function.Answered.ToLookup(r => r.CallId!);
        var callbacks = pipeline.Callbacks.Answered.ToLookup(r => r.CallId!);
        Assert.All(accepted.Keys, id => Assert.NotEmpty(runs[id]));
        Assert.All(accepted.Keys, id => Assert.Single(callbacks[id].Select(c => c.Header("webhook-id")).Distinct()));

        // Duplicates only where something died, at most what was in flight there; each 5xx answered by a dying part is one more run, by design.
        var repeated = runs.Where(run => run.Count() > 1).Select(run => run.Key).ToList();
        Assert.InRange(repeated.Count, 0, 5 * Slots);
    }

    private static async Task AnswerAsync(RecordedRequest request, HttpContext http)
    {
        await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, http.RequestAborted);
        await http.Response.WriteAsync("done " + request.Text);
    }

    private static Task AfterAsync(int count, ConcurrentDictionary<string, bool> accepted, Func<Task> fault) =>
        Eventually.HoldsAsync(() => accepted.Count >= count, $"{count} calls accepted").ContinueWith(_ => fault(), TaskScheduler.Default).Unwrap();

    private static Task CallAllAsync(Pipeline pipeline, ConcurrentDictionary<string, bool> accepted) =>
        Parallel.ForEachAsync(Enumerable.Range(0, Calls), new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (i, _) =>
        {
            var id = $"call-{i}";
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
