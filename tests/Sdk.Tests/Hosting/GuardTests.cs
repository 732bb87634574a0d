using Connectors.Sdk.Hosting;
using Connectors.Testing;
using Microsoft.Extensions.Time.Testing;
using Polly.CircuitBreaker;
using Polly.Timeout;

namespace Connectors.Sdk.Tests.Hosting;

public class GuardTests
{
    [Fact]
    public async Task A_failure_that_passes_is_not_seen()
    {
        var tries = 0;
        var guard = Guard.Create("passing", TimeSpan.FromSeconds(30), TimeProvider.System);

        var answer = await guard.ExecuteAsync(_ => ++tries < 3 ? throw new HttpRequestException("away") : ValueTask.FromResult("here"));

        Assert.Equal(("here", 3), (answer, tries));
    }

    [Fact]
    public async Task A_try_has_a_limit_of_its_own()
    {
        var guard = Guard.Create("slow", TimeSpan.FromMilliseconds(20), TimeProvider.System);

        await Assert.ThrowsAsync<TimeoutRejectedException>(async () =>
            await guard.ExecuteAsync(async ct => await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct)));
    }

    [Fact]
    public async Task What_keeps_failing_is_left_alone_for_a_while_and_the_metric_says_so()
    {
        var tries = 0;
        var time = new FakeTimeProvider();
        var guard = Guard.Create("failing", TimeSpan.FromSeconds(30), time);
        ValueTask Fail(CancellationToken ct) => Interlocked.Increment(ref tries) > 0 ? throw new HttpRequestException("away") : ValueTask.CompletedTask;

        await Assert.ThrowsAsync<HttpRequestException>(() => FailUntilAsync(3));
        await Assert.ThrowsAnyAsync<Exception>(() => FailUntilAsync(6));
        var seen = tries;
        await Assert.ThrowsAsync<BrokenCircuitException>(async () => await guard.ExecuteAsync(Fail));

        Assert.Equal(seen, tries);
        Assert.Equal("1", await SampleAsync("connector_circuit_open{target=\"failing\"}"));

        // The clock moves only while there are waits between tries to get over: an open circuit stays so for a few seconds of it.
        async Task FailUntilAsync(int count)
        {
            var run = guard.ExecuteAsync(Fail).AsTask();
            await Eventually.HoldsAsync(
                () =>
                {
                    if (Volatile.Read(ref tries) < count && !run.IsCompleted)
                    {
                        time.Advance(TimeSpan.FromMilliseconds(100));
                    }

                    return run.IsCompleted;
                },
                "it is given up");
            await run;
        }
    }

    [Fact]
    public async Task Bad_configuration_and_a_caller_giving_up_are_not_tried_again()
    {
        var tries = 0;
        var guard = Guard.Create("wrong", TimeSpan.FromSeconds(30), TimeProvider.System);

        await Assert.ThrowsAsync<ConfigurationException>(async () => await guard.ExecuteAsync(_ => ++tries > 0 ? throw new ConfigurationException("x") : ValueTask.CompletedTask));
        await Assert.ThrowsAsync<OperationCanceledException>(async () => await guard.ExecuteAsync(_ => ++tries > 0 ? throw new OperationCanceledException() : ValueTask.CompletedTask));

        Assert.Equal(2, tries);
    }

    private static async Task<string?> SampleAsync(string sample)
    {
        using var text = new MemoryStream();
        await Prometheus.Metrics.DefaultRegistry.CollectAndExportAsTextAsync(text);
        return System.Text.Encoding.UTF8.GetString(text.ToArray()).Split('\n').FirstOrDefault(l => l.StartsWith(sample + " ", StringComparison.Ordinal))?.Split(' ')[1];
    }
}
