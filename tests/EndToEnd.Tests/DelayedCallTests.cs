using Connectors.Testing;

namespace Connectors.EndToEnd.Tests;

/// <summary>Calls for later, from their caller to their function.</summary>
public class DelayedCallTests
{
    [Theory]
    [InlineData("static")]
    [InlineData("function")]
    public async Task Delayed_calls_run_at_their_time_a_fresh_one_at_once_and_a_cancelled_one_never(string mode)
    {
        await using var pipeline = await Pipeline.StartAsync(worker: new Dictionary<string, string> { ["scaling_mode"] = mode });

        // Streams and bucket are there from now on. No call has this id: one that is due so soon could run before it is cancelled.
        using var earlier = await pipeline.CallAsync("work", [0], ("X-Delay", "1s"));
        using var earlierCancel = await pipeline.CancelAsync("never-called");
        await pipeline.Function.ReceivesAsync(1);
        await pipeline.EndsAsync(dead: 0);
        var asked = TimeProvider.System.GetUtcNow();
        using var delayed = await pipeline.CallAsync("work", [1], ("X-Delay", "15s"), ("X-Callback-Url", pipeline.Callbacks.Url.ToString()));
        using var due = await pipeline.CallAsync("other", [2], ("X-Not-Before", asked.AddSeconds(15).ToString("O")));
        using var cancelled = await pipeline.CallAsync("work", [3], ("X-Delay", "15s"));
        using var cancel = await pipeline.CancelAsync(cancelled.Headers.GetValues("X-Call-Id").Single());
        using var fresh = await pipeline.CallAsync("work", [4]);

        await pipeline.Function.ReceivesAsync(4);
        await pipeline.EndsAsync(dead: 1);

        var seen = pipeline.Function.Requests.Skip(1).ToList();
        Assert.Equal(4, seen[0].Body[0]);
        Assert.Equal([1, 2], seen.Skip(1).Select(request => (int)request.Body[0]).Order());
        Assert.All(seen.Skip(1), request => Assert.True(request.At >= asked.AddSeconds(15), "not before its time"));
        Assert.Equal(delayed.Headers.GetValues("X-Call-Id").Single(), Assert.Single(pipeline.Callbacks.Requests).CallId);
    }
}
