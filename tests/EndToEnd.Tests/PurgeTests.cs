using Connectors.Client;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.EndToEnd.Tests;

/// <summary>A purge of a queue of which a call runs and others wait for it.</summary>
public sealed class PurgeTests
{
    [Fact]
    public async Task Waiting_calls_are_purged_and_their_results_say_so_and_the_one_that_runs_goes_on_to_its_end()
    {
        var gate = new TaskCompletionSource();
        await using var pipeline = await Pipeline.StartAsync(
            async (_, http) =>
            {
                await gate.Task.WaitAsync(http.RequestAborted);
                await http.Response.WriteAsync("done");
            },
            worker: new Dictionary<string, string> { ["max_inflight"] = "1" });
        using var http = new HttpClient(new SocketsHttpHandler()) { BaseAddress = pipeline.Gateway.Api };
        var functions = new FunctionClient(http);
        var runs = await CallAsync();
        await pipeline.Function.ReceivesAsync(1);
        string[] waiting = [await CallAsync(), await CallAsync()];
        await Eventually.HoldsAsync(async () => (int)(await pipeline.QueueAsync(HttpMethod.Get, "/calls/count"))!["count"]! == 2, "the worker has said what it runs");

        var purged = await pipeline.QueueAsync(HttpMethod.Delete, "/calls");
        foreach (var call in waiting)
        {
            var result = await functions.ResultAsync(call);
            Assert.Equal(("purged", 410, false, ""), (result.State, result.Status, result.IsSuccess, result.Text));
        }

        gate.SetResult();
        await Eventually.HoldsAsync(async () => (await functions.FindResultAsync(runs))?.State == "succeeded", () => $"the one that runs ends; the worker wrote:\n{pipeline.Worker.Process.Tail()}");
        await pipeline.EndsAsync(dead: 0);

        Assert.Equal(2, (int)purged!["purged"]!);
        Assert.Equal("done", (await functions.ResultAsync(runs)).Text);
        Assert.Equal([runs], pipeline.Function.Requests.Select(request => request.CallId));

        async Task<string> CallAsync() => (await functions.SubmitAsync("work", "x", new CallOptions { KeepResult = TimeSpan.FromMinutes(5) })).CallId;
    }
}
