using Connectors.Testing;

namespace Connectors.Kafka.Tests.Delivery;

/// <summary>SIGTERM ends the process, whatever the brokers do.</summary>
public class StoppingTests
{
    [Fact]
    public async Task Brokers_that_answer_nothing_do_not_keep_the_process()
    {
        await using var scene = await Scene.StartAsync();
        var ledger = new FunctionLedger(scene.Gateway, (_, _) => Task.FromResult(200));
        await using var connector = await scene.StartConnectorAsync("grace_period", "1s", "commit_interval", "5m");
        await scene.ProduceAsync("k", "x");
        await Eventually.HoldsAsync(() => ledger.Taken == 1, "the event is taken");

        // What is done is to be committed on the way out, and the answer comes far too late.
        scene.Kafka.Delay(1, TimeSpan.FromHours(1));

        Assert.Equal(0, await connector.TerminateAsync());
        Assert.Contains(connector.Process.Lines, line => line.Contains("The Kafka client does not close", StringComparison.Ordinal));
    }
}
