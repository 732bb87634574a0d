using Connectors.Testing;

namespace Connectors.RabbitMq.Tests;

/// <summary>A message that the client cannot read ends the connection, and with it all that was delivered and is not settled.</summary>
public class UnreadableTests(SharedBroker broker)
{
    [Fact]
    public async Task A_quorum_queue_ends_it_alone_and_the_others_are_run()
    {
        var dead = await broker.CreateAsync("unreadable-dead");
        var queue = await broker.CreateAsync(
            "unreadable-quorum", ("x-queue-type", "quorum"), ("x-delivery-limit", 3), ("x-dead-letter-exchange", ""), ("x-dead-letter-routing-key", dead));
        await RawClient.SendDecimalAsync(broker.Server.Port, queue, scale: 29);
        await SendAsync(queue, "1", "2", "3", "4", "5");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await using var connector = await Running.StartAsync(gateway, broker.Server.Url, queue);

        await Eventually.HoldsAsync(async () => await connector.MetricAsync($"rabbitmq_connector_messages_processed_total{{queue=\"{queue}\"}}") == 5, "the others are taken");
        await broker.Client.HoldsAsync(dead, 1);
        Assert.Equal(["1", "2", "3", "4", "5"], gateway.Calls.Select(call => call.Text).Order());

        // It is past: as many come at once again as may.
        var release = new TaskCompletionSource();
        gateway.Answer = (_, _) => release.Task;
        await SendAsync(queue, "6", "7", "8");
        await Eventually.HoldsAsync(() => gateway.Running == 3, "those that come now are run side by side");
        release.SetResult();
    }

    [Fact]
    public async Task What_a_classic_queue_has_before_it_ends_though_it_comes_for_ever()
    {
        var queue = await broker.CreateAsync("unreadable-classic");
        await SendAsync(queue, "1", "2", "3");
        await RawClient.SendDecimalAsync(broker.Server.Port, queue, scale: 29);
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = (_, http) => Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, http.RequestAborted);
        await using var connector = await Running.StartAsync(gateway, broker.Server.Url, queue);
        var unreadable = $"rabbitmq_connector_failures_total{{queue=\"{queue}\",kind=\"unreadable\"}}";

        await Eventually.HoldsAsync(async () => await connector.MetricAsync(unreadable) >= 4, "it comes again and again");

        // Once before it came for the first time, and once more, for that call could not be acked any more.
        Assert.Equal(["1", "2", "3"], gateway.Calls.Select(call => call.Text).Distinct().Order());
        Assert.All(gateway.Calls.GroupBy(call => call.Text), calls => Assert.InRange(calls.Count(), 1, 2));
        await broker.Client.HoldsAsync(queue, 1);
        await broker.Client.DeleteAsync(queue);
        await broker.Client.DeclareAsync(queue);
        await connector.IsReadyAsync();
    }

    private async Task SendAsync(string queue, params string[] messages)
    {
        foreach (var message in messages)
        {
            await broker.Client.SendAsync(queue, message);
        }
    }
}
