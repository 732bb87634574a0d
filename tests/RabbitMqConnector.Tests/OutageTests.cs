using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.RabbitMq.Tests;

/// <summary>No message ends by what is none of its fault, and none is held until the broker takes it back by itself, with all others that are here.</summary>
public class OutageTests(SharedBroker broker)
{
    private BrokerClient Client => broker.Client;

    [Theory]
    [InlineData("dead_letter")]
    [InlineData("reject")]
    [InlineData("drop")]
    public async Task A_gateway_that_stores_no_call_uses_up_no_run(string onFailure)
    {
        var exchanged = await broker.CreateAsync("unstored-dead");
        var queue = await broker.CreateAsync("unstored", ("x-dead-letter-exchange", ""), ("x-dead-letter-routing-key", exchanged));
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        var refusals = 5;
        gateway.Answer = (_, http) => Interlocked.Decrement(ref refusals) >= 0 ? IsFull(http) : Task.CompletedTask;
        await using (var connector = await Running.StartAsync(
            gateway, broker.Server.Url, queue, ("asynchronous_invocation", "true"), ("on_failure", onFailure), ("max_retry_attempts", "2")))
        {
            await Client.SendAsync(queue, "x");
            await Eventually.HoldsAsync(
                async () => await connector.MetricAsync($"rabbitmq_connector_messages_processed_total{{queue=\"{queue}\"}}") == 1, "it is stored in the end");
        }

        Assert.Equal(6, gateway.Calls.Count);
        await Client.IsEmptyAsync(queue);
        await Client.HoldsAsync(exchanged, 0);
        Assert.Null(await Client.CountAsync(queue + ".dead"));
    }

    // In the words of the platform: its provider is away, its function has no process or runs as many calls as it takes.
    [Theory]
    [InlineData("dead_letter", 502, "gateway")]
    [InlineData("reject", 503, "proxy")]
    [InlineData("drop", 429, "faas-middleware")]
    public async Task A_function_that_is_down_or_full_uses_up_no_run(string onFailure, int status, string source)
    {
        var exchanged = await broker.CreateAsync("down-dead");
        var queue = await broker.CreateAsync("down", ("x-dead-letter-exchange", ""), ("x-dead-letter-routing-key", exchanged));
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        var refusals = 5;
        gateway.Answer = (_, http) =>
        {
            if (Interlocked.Decrement(ref refusals) >= 0)
            {
                http.Response.StatusCode = status;
                http.Response.Headers["X-OpenFaaS-Internal"] = source;
            }

            return Task.CompletedTask;
        };
        await using (var connector = await Running.StartAsync(gateway, broker.Server.Url, queue, ("on_failure", onFailure), ("max_retry_attempts", "2")))
        {
            await Client.SendAsync(queue, "x");
            await Eventually.HoldsAsync(
                async () => await connector.MetricAsync($"rabbitmq_connector_settled_total{{queue=\"{queue}\",end=\"completed\"}}") == 1, "it is run in the end");
        }

        Assert.Equal(6, gateway.Calls.Count);
        await Client.IsEmptyAsync(queue);
        await Client.HoldsAsync(exchanged, 0);
        Assert.Null(await Client.CountAsync(queue + ".dead"));
    }

    [Theory]
    [InlineData("classic")]
    [InlineData("quorum")]
    public async Task What_is_held_while_the_gateway_is_away_goes_back_once_and_is_run_once_it_answers(string type)
    {
        // One that is counted too often ends in the second.
        var dead = await broker.CreateAsync("away-dead");
        (string, object?)[] limit = type == "quorum" ? [("x-delivery-limit", 3)] : [];
        var queue = await broker.CreateAsync("away", [("x-queue-type", type), ("x-dead-letter-exchange", ""), ("x-dead-letter-routing-key", dead), .. limit]);
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await using var connector = await StartAsync(gateway, queue, options => options with { Patience = TimeSpan.FromMilliseconds(500) });
        await connector.IsReadyAsync();

        await gateway.StopAsync();
        for (var i = 0; i < 5; i++)
        {
            await Client.SendAsync(queue, $"{i}");
        }

        await Eventually.HoldsAsync(async () => await Client.CountAsync(queue) is { Messages: 5, Consumers: 0 }, "the broker has all of them, and nobody consumes");
        await connector.SaysAsync($"Queue not consumed, trying again queue={queue} kind=gateway");
        Assert.Equal(0, await connector.MetricAsync($"rabbitmq_connector_queue_consumed{{queue=\"{queue}\"}}"));
        await gateway.StartAgainAsync();

        await gateway.ReceivesAsync(5);
        await connector.StopAsync();
        await Client.IsEmptyAsync(queue);
        await Client.HoldsAsync(dead, 0);
        Assert.Equal(5, gateway.Calls.Count);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_cannot_come_to_an_end_goes_back_in_time_and_alone(bool isLetter)
    {
        var queue = await broker.CreateAsync("held");
        await Client.DeclareAsync(queue + ".dead", ("x-max-length", 0), ("x-overflow", "reject-publish"));
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        var (release, isFull) = (new TaskCompletionSource(), true);
        gateway.Answer = (request, http) =>
        {
            if (request.Text == "slow")
            {
                return release.Task;
            }

            http.Response.StatusCode = isLetter ? StatusCodes.Status400BadRequest : http.Response.StatusCode;
            return Volatile.Read(ref isFull) && !isLetter ? IsFull(http) : Task.CompletedTask;
        };
        await using var connector = await StartAsync(
            gateway, queue, options => options with { LongestHold = TimeSpan.FromMilliseconds(500) }, ("asynchronous_invocation", isLetter ? "false" : "true"));
        await Client.SendAsync(queue, "slow");
        await gateway.ReceivesAsync(1);

        await Client.SendAsync(queue, "stuck");
        await Eventually.HoldsAsync(async () => await connector.MetricAsync($"rabbitmq_connector_received_total{{queue=\"{queue}\",redelivered=\"true\"}}") >= 2, "it goes back, and comes again");
        Volatile.Write(ref isFull, false);
        await Client.DeleteAsync(queue + ".dead");
        release.SetResult();

        await Eventually.HoldsAsync(
            async () => await SettledAsync("completed") == (isLetter ? 1 : 2) && (await SettledAsync("dead_letter") ?? 0) == (isLetter ? 1 : 0), "both come to their end");
        await connector.StopAsync();
        await Client.IsEmptyAsync(queue);
        Assert.Single(gateway.Calls, call => call.Text == "slow");

        Task<double?> SettledAsync(string end) => connector.MetricAsync($"rabbitmq_connector_settled_total{{queue=\"{queue}\",end=\"{end}\"}}");
    }

    private static Task IsFull(HttpContext http)
    {
        http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        http.Response.Headers.RetryAfter = "1";
        http.Response.Headers["X-OpenFaaS-Internal"] = "gateway";
        return Task.CompletedTask;
    }

    private Task<RunningConnector> StartAsync(
        GatewayServer gateway, string queue, Func<RabbitMqOptions, RabbitMqOptions> impatient, params (string Name, string Value)[] values)
    {
        var options = Running.Options([
            ("gateway_url", gateway.Url.AbsoluteUri), ("rebuild_interval", "50ms"), ("rabbitmq_url", broker.Server.Url), ("queues", queue),
            ("initial_retry_wait", "10ms"), ("max_retry_wait", "50ms"), .. values]);
        return RunningConnector.StartAsync(builder => Running.Register(builder, impatient(options)));
    }
}
