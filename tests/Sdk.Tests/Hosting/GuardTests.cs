using Connectors.Sdk.Hosting;
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
        var guard = Guard.Create("failing", TimeSpan.FromSeconds(30), TimeProvider.System);
        ValueTask Fail(CancellationToken ct) => ++tries > 0 ? throw new HttpRequestException("away") : ValueTask.CompletedTask;

        await Assert.ThrowsAsync<HttpRequestException>(async () => await guard.ExecuteAsync(Fail));
        await Assert.ThrowsAnyAsync<Exception>(async () => await guard.ExecuteAsync(Fail));
        var seen = tries;
        await Assert.ThrowsAsync<BrokenCircuitException>(async () => await guard.ExecuteAsync(Fail));

        Assert.Equal(seen, tries);
        Assert.Equal("1", await SampleAsync("connector_circuit_open{target=\"failing\"}"));
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
