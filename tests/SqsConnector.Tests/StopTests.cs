using Connectors.Testing;

namespace Connectors.Sqs.Tests;

/// <summary>A long poll that is cut goes on at the server, which then hides a message for nobody.</summary>
public class StopTests(QueueServer server)
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_the_last_long_poll_brings_after_the_stop_is_run(bool isFifo)
    {
        var dead = await server.CreateAsync("stop-dead", isFifo);
        var queue = await server.CreateAsync("stop", isFifo, dead, maxReceives: 1);
        await using var proxy = await QueueProxy.StartAsync(server.Server.Url);
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await using (var connector = await Running.StartAsync(
            gateway, ("queue_url", server.Url(queue)), ("AWS_ENDPOINT_URL_SQS", proxy.Url.AbsoluteUri), ("wait_time", "20s"), ("visibility_timeout", "10m")))
        {
            await Eventually.HoldsAsync(() => proxy.Requests("ReceiveMessage").Any(r => r.Text.Contains("\"WaitTimeSeconds\":20", StringComparison.Ordinal)), "a long poll is under way");

            var stopping = connector.StopAsync();
            await server.SendAsync(queue, "sent after the stop", isFifo ? "group" : null);
            await stopping;
        }

        Assert.Equal("sent after the stop", Assert.Single(gateway.Calls).Text);
        Assert.Equal((0, 0), await server.CountAsync(queue));
        Assert.Equal((0, 0), await server.CountAsync(dead));
    }

    [Fact]
    public async Task While_what_runs_comes_to_its_end_the_queue_is_not_told_to_be_read()
    {
        var queue = await server.CreateAsync("stop-draining");
        var release = new TaskCompletionSource();
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = (_, _) => release.Task;
        await using (var connector = await Running.StartAsync(gateway, ("queue_url", server.Url(queue))))
        {
            await server.SendAsync(queue, "runs");
            await gateway.ReceivesAsync(1);
            await Eventually.HoldsAsync(async () => await ReadableAsync() == 1, "it is read");

            var stopping = connector.StopAsync();
            await Eventually.HoldsAsync(async () => await ReadableAsync() is null, "nobody reads it");
            Assert.Equal(1, gateway.Running);
            Assert.NotNull(await connector.MetricAsync($$"""sqs_connector_oldest_message_age_seconds{queue="{{queue}}"}"""));

            release.SetResult();
            await stopping;

            Task<double?> ReadableAsync() => connector.MetricAsync($$"""sqs_connector_queue_readable{queue="{{queue}}"}""");
        }

        Assert.Equal((0, 0), await server.CountAsync(queue));
    }

    [Fact]
    public async Task What_it_brings_for_no_function_is_given_back()
    {
        var queue = await server.CreateAsync("stop-unwanted");
        await using var proxy = await QueueProxy.StartAsync(server.Server.Url);
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await using (var connector = await Running.StartAsync(
            gateway, ("queue_url", server.Url(queue)), ("AWS_ENDPOINT_URL_SQS", proxy.Url.AbsoluteUri), ("wait_time", "20s"), ("visibility_timeout", "10m")))
        {
            await Eventually.HoldsAsync(() => proxy.Requests("ReceiveMessage").Any(r => r.Text.Contains("\"WaitTimeSeconds\":20", StringComparison.Ordinal)), "a long poll is under way");
            gateway.Functions = [];
            await gateway.IsPolledAsync();

            var stopping = connector.StopAsync();
            await server.SendAsync(queue, "sent after the stop");
            await stopping;
        }

        // For as long as a poll may take, of a replica that knows of it by its next look at the functions.
        var returned = Assert.Single(proxy.Requests("ChangeMessageVisibilityBatch"));
        Assert.Contains("\"VisibilityTimeout\":23", returned.Text, StringComparison.Ordinal);
        Assert.Empty(gateway.Calls);
        var (visible, inFlight) = await server.CountAsync(queue);
        Assert.Equal(1, visible + inFlight);
    }
}
