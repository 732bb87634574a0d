using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.RabbitMq.Tests;

/// <summary>A function may go on for long after the stop: what does not run is for others meanwhile.</summary>
public class StopTests(SharedBroker broker)
{
    private BrokerClient Client => broker.Client;

    [Theory]
    [InlineData("classic")]
    [InlineData("quorum")]
    public async Task What_waits_and_what_backs_off_goes_back_at_once_and_what_runs_is_acked_when_it_ends(string type)
    {
        var queue = await broker.CreateAsync("stopped", ("x-queue-type", type));
        var (first, second) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = async (request, http) =>
        {
            http.Response.StatusCode = request.Text == "first" ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
            await (request.Text switch { "first" => first.Task, "second" => second.Task, _ => Task.CompletedTask });
        };
        await using var connector = await Running.StartAsync(
            gateway, broker.Server.Url, queue, TimeSpan.FromSeconds(60), ("max_inflight", "2"), ("prefetch", "50"), ("initial_retry_wait", "1h"), ("max_retry_wait", "1h"));
        await Client.SendAsync(queue, "backs off");
        await Eventually.HoldsAsync(async () => await connector.MetricAsync($"rabbitmq_connector_retries_total{{queue=\"{queue}\"}}") == 1, "one backs off");
        foreach (var body in new[] { "first", "second" })
        {
            await Client.SendAsync(queue, body);
            await gateway.ReceivesAsync(1, call => call.Text == body);
        }

        for (var i = 0; i < 17; i++)
        {
            await Client.SendAsync(queue, $"waits {i}");
        }

        await Client.HoldsAsync(queue, 0);
        var stopping = connector.StopAsync();
        await Client.HoldsAsync(queue, 18);

        // It would back off, too.
        second.SetResult();
        await Client.HoldsAsync(queue, 19);
        Assert.Equal(1, gateway.Running);
        Assert.False(stopping.IsCompleted);

        // Whoever is woken for a queue that is not consumed need not be for one that stops.
        Assert.Null(await connector.MetricAsync($"rabbitmq_connector_queue_consumed{{queue=\"{queue}\"}}"));
        Assert.NotNull(await connector.MetricAsync($"rabbitmq_connector_retries_total{{queue=\"{queue}\"}}"));

        first.SetResult();
        await stopping;
        await Client.HoldsAsync(queue, 19);
        Assert.Equal(3, gateway.Calls.Count);
    }

    // The client waits for an answer for 20 s.
    [Fact]
    public async Task A_queue_for_which_the_broker_does_not_answer_keeps_nothing_of_the_others()
    {
        var (silent, other) = (await broker.CreateAsync("stopped-silent"), await broker.CreateAsync("stopped-other"));
        await using var proxy = new BrokerProxy(broker.Server.Port);
        var release = new TaskCompletionSource();
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting($"{silent},{other}", "receiver"));
        gateway.Answer = (_, _) => release.Task;
        await using var connector = await Running.StartAsync(gateway, proxy.Url, $"{silent},{other}", TimeSpan.FromSeconds(15), ("max_inflight", "1"));
        await Eventually.HoldsAsync(async () => (await Client.CountAsync(silent))?.Consumers == 1, "the one is consumed");
        await Client.SendAsync(other, "runs");
        await gateway.ReceivesAsync(1);
        for (var i = 0; i < 3; i++)
        {
            await Client.SendAsync(other, $"waits {i}");
        }

        await Eventually.HoldsAsync(
            async () => await connector.MetricAsync($"rabbitmq_connector_received_total{{queue=\"{other}\",redelivered=\"false\"}}") == 4, "all of the other are here");

        proxy.Hush(silent);
        var stopping = connector.StopAsync();
        await Client.HoldsAsync(other, 3);
        Assert.Equal(1, gateway.Running);
        Assert.False(stopping.IsCompleted);

        release.SetResult();
        await stopping;
        await Client.HoldsAsync(other, 3);
        Assert.Single(gateway.Calls);
    }

    [Fact]
    public async Task What_is_to_be_requeued_later_goes_back_at_once()
    {
        var queue = await broker.CreateAsync("stopped-requeued");
        var release = new TaskCompletionSource();
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = (request, http) =>
        {
            http.Response.StatusCode = request.Text == "never" ? StatusCodes.Status400BadRequest : StatusCodes.Status200OK;
            return request.Text == "never" ? Task.CompletedTask : release.Task;
        };
        await using var connector = await Running.StartAsync(
            gateway, broker.Server.Url, queue, TimeSpan.FromSeconds(60), ("on_failure", "requeue"), ("initial_retry_wait", "1h"), ("max_retry_wait", "1h"));
        await Client.SendAsync(queue, "never");
        await connector.SaysAsync("(on_failure=requeue)");
        await Client.SendAsync(queue, "runs");
        await gateway.ReceivesAsync(1, call => call.Text == "runs");

        var stopping = connector.StopAsync();
        await Client.HoldsAsync(queue, 1);
        Assert.Equal(1, gateway.Running);
        Assert.False(stopping.IsCompleted);

        release.SetResult();
        await stopping;
        await Client.HoldsAsync(queue, 1);
        Assert.Equal(2, gateway.Calls.Count);
    }
}
