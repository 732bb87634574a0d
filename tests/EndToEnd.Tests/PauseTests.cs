using System.Net;
using Connectors.Testing;

namespace Connectors.EndToEnd.Tests;

/// <summary>An operator's hand on a queue while calls come in and run.</summary>
public class PauseTests
{
    private const int Calls = 100;
    private const int Slots = 10;

    [Theory]
    [InlineData("static")]
    [InlineData("function")]
    public async Task A_paused_function_accepts_starts_none_and_runs_all_of_them_once_when_it_is_resumed(string mode)
    {
        var gate = new TaskCompletionSource();
        await using var pipeline = await Pipeline.StartAsync(
            (request, http) => request.Path.StartsWith("/other", StringComparison.Ordinal) ? Task.CompletedTask : gate.Task.WaitAsync(http.RequestAborted),
            worker: new Dictionary<string, string> { ["scaling_mode"] = mode, ["limiter_enabled"] = "false" });
        await CallAsync(pipeline, Calls / 2);
        await pipeline.Function.ReceivesAsync(Slots);

        await pipeline.QueueAsync(HttpMethod.Post, "/functions/work/pause", new { reason = "its store moves" });
        await pipeline.Worker.Process.LineAsync(line => line.Contains("Paused", StringComparison.Ordinal), "the worker heard of it");
        await CallAsync(pipeline, Calls / 2);
        gate.SetResult();
        await Eventually.HoldsAsync(async () => await pipeline.QueueAsync(HttpMethod.Get) is { } queue && ((int)queue["calls"]!, (int)queue["held"]!) == (0, Calls - Slots), "all others are put aside");
        using var other = await pipeline.CallAsync("other", [2]);
        await pipeline.Function.ReceivesAsync(Slots + 1);
        Assert.Equal(Slots + 1, pipeline.Function.Requests.Count);

        await pipeline.QueueAsync(HttpMethod.Post, "/functions/work/resume");
        await pipeline.Function.ReceivesAsync(Calls + 1);
        await pipeline.EndsAsync(dead: 0);

        Assert.Equal(Calls + 1, pipeline.Function.Requests.Count);
        Assert.Equal(Calls + 1, pipeline.Function.Requests.Select(request => request.CallId).Distinct().Count());
        Assert.All(pipeline.Function.Requests, request => Assert.Equal("1", request.Header("X-Attempt")));
    }

    private static async Task CallAsync(Pipeline pipeline, int count)
    {
        for (var i = 0; i < count; i++)
        {
            using var accepted = await pipeline.CallAsync("work", [1]);
            Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
        }
    }
}
