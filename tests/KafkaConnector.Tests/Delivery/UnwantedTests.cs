using Connectors.Testing;

namespace Connectors.Kafka.Tests.Delivery;

/// <summary>Records that no function wants, and those that none wants at this moment.</summary>
public class UnwantedTests
{
    [Fact]
    public async Task What_no_function_wants_is_passed_over_and_told_apart_from_what_was_taken()
    {
        await using var scene = await Scene.StartAsync();
        scene.Gateway.Functions = [ListedFunction.Wanting("another", "receiver")];
        await using var connector = await scene.RunConnectorAsync();
        await scene.ProduceAsync("k", "0");
        await scene.ProduceAsync("k", "1");

        await scene.CommitsAllAsync(1, 2);

        Assert.Empty(scene.Gateway.Calls);
        await Eventually.HoldsAsync(
            async () => await connector.MetricAsync($"kafka_connector_events_total{{topic=\"{scene.Topic}\",verdict=\"unwanted\"}}") == 2, "both are told");
        Assert.Null(await connector.MetricAsync($"kafka_connector_events_total{{topic=\"{scene.Topic}\",verdict=\"completed\"}}"));
    }

    [Fact]
    public async Task What_a_function_refused_waits_while_none_is_listed_and_is_taken_by_the_next()
    {
        await using var scene = await Scene.StartAsync();
        var isMended = false;
        var ledger = new FunctionLedger(scene.Gateway, (_, _) => Task.FromResult(Volatile.Read(ref isMended) ? 200 : 500));
        await using var connector = await scene.RunConnectorAsync("on_failure", "block");
        await scene.ProduceAsync("k", "0");
        await scene.ProduceAsync("k", "1");
        await Eventually.HoldsAsync(() => ledger.Count > 0, "the first is refused");

        var wanting = scene.Gateway.Functions;
        scene.Gateway.Functions = [];
        await connector.SaysAsync("none wants its topic any more");
        for (var i = 0; i < 5; i++)
        {
            await scene.Gateway.IsPolledAsync();
        }

        Assert.True(scene.Committed(1)[0] <= 0);
        Volatile.Write(ref isMended, true);
        scene.Gateway.Functions = wanting;

        await scene.CommitsAllAsync(1, 2);
        Assert.Equal(2, ledger.Taken);
        Assert.Empty(ledger.OutOfOrder());
    }

    [Theory]
    [InlineData("skip", "skipped", 0)]
    [InlineData("dead_letter", "dead_letter", 1)]
    public async Task What_a_function_refused_that_is_gone_for_good_ends_as_configured(string onFailure, string verdict, int letters)
    {
        await using var scene = await Scene.StartAsync();
        scene.Kafka.CreateTopic($"{scene.Topic}.dead", 1);
        var ledger = new FunctionLedger(scene.Gateway, (_, _) => Task.FromResult(500));
        await using var connector = await scene.RunConnectorAsync("on_failure", onFailure, "max_retry_attempts", "1000000");
        await scene.ProduceAsync("k", "0");
        await Eventually.HoldsAsync(() => ledger.Count > 0, "it is refused");

        scene.Gateway.Functions = [];

        await scene.CommitsAllAsync(1, 1);
        await Eventually.HoldsAsync(
            async () => await connector.MetricAsync($"kafka_connector_events_total{{topic=\"{scene.Topic}\",verdict=\"{verdict}\"}}") == 1, "its end is told");
        Assert.Equal(letters, Clients.ReadAll(scene.Kafka.BootstrapServers, $"{scene.Topic}.dead", 1).Count);
    }
}
