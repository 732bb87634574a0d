using System.Globalization;
using System.Text;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.RabbitMq.Tests;

/// <summary>
/// Whatever a message is held for, it ends before the broker would take it back by itself, with all others that are here: one that failed as
/// <c>on_failure</c> says, and one that did not goes back.
/// </summary>
public class HoldTests(SharedBroker broker)
{
    private const int Never = 1_000_000;

    private BrokerClient Client => broker.Client;

    [Theory]
    [InlineData("10ms", "50ms")]
    [InlineData("1h", "1h")]
    public async Task What_fails_is_given_up_in_time_with_the_runs_that_it_had_and_alone(string firstWait, string longestWait)
    {
        var queue = await broker.CreateAsync("fails-for-long");
        var release = new TaskCompletionSource();
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = (request, http) =>
        {
            http.Response.StatusCode = request.Text == "slow" ? StatusCodes.Status200OK : StatusCodes.Status500InternalServerError;
            return request.Text == "slow" ? release.Task : Task.CompletedTask;
        };
        await using var connector = await StartAsync(
            gateway, queue, ("max_retry_attempts", $"{Never}"), ("initial_retry_wait", firstWait), ("max_retry_wait", longestWait));
        await Client.SendAsync(queue, "slow");
        await gateway.ReceivesAsync(1);

        await Client.SendAsync(queue, "fails");

        await Client.HoldsAsync(queue + ".dead", 1);
        release.SetResult();
        await SettlesAsync(connector, queue, "completed", 1);
        await connector.StopAsync();
        await Client.IsEmptyAsync(queue);
        Assert.Single(gateway.Calls, call => call.Text == "slow");
        var attempts = (byte[])(await Client.TakeAsync(queue + ".dead"))!.BasicProperties.Headers!["X-Dead-Attempts"]!;
        Assert.InRange(int.Parse(Encoding.UTF8.GetString(attempts), CultureInfo.InvariantCulture), 1, gateway.Calls.Count - 1);
    }

    [Theory]
    [InlineData(StatusCodes.Status400BadRequest, "on_failure", "requeue")]
    [InlineData(StatusCodes.Status503ServiceUnavailable, "asynchronous_invocation", "true")]
    [InlineData(StatusCodes.Status502BadGateway, "on_failure", "dead_letter")]
    public async Task What_would_wait_for_longer_than_it_may_be_held_goes_back_in_time(int status, string name, string value)
    {
        var queue = await broker.CreateAsync("waits-for-long");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = (_, http) =>
        {
            if (status == StatusCodes.Status502BadGateway)
            {
                http.Response.Headers["X-OpenFaaS-Internal"] = "gateway";
            }

            http.Response.StatusCode = status;
            return Task.CompletedTask;
        };
        await using var connector = await StartAsync(gateway, queue, (name, value), ("initial_retry_wait", "1h"), ("max_retry_wait", "1h"));

        await Client.SendAsync(queue, "x");

        await ComesAgainAsync(connector, queue, 2);
        await connector.StopAsync();
        await Client.HoldsAsync(queue, 1);
    }

    // As of a message that brings its function down, which is then away for longer and longer. Those that no function ran are not counted.
    [Fact]
    public async Task What_a_function_failed_is_given_up_in_time_though_the_function_is_away_since()
    {
        var queue = await broker.CreateAsync("brings-down");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        var calls = 0;
        gateway.Answer = (_, http) =>
        {
            var fails = Interlocked.Increment(ref calls) % 10 == 1;
            http.Response.Headers["X-OpenFaaS-Internal"] = "proxy";
            http.Response.StatusCode = fails ? StatusCodes.Status500InternalServerError : StatusCodes.Status503ServiceUnavailable;
            return Task.CompletedTask;
        };
        await using var connector = await StartAsync(gateway, queue, ("max_retry_attempts", $"{Never}"), ("initial_retry_wait", "10ms"), ("max_retry_wait", "50ms"));

        await Client.SendAsync(queue, "x");

        await Client.HoldsAsync(queue + ".dead", 1);
        await connector.StopAsync();
        await Client.IsEmptyAsync(queue);
        var headers = (await Client.TakeAsync(queue + ".dead"))!.BasicProperties.Headers!;
        Assert.Equal("500", Encoding.UTF8.GetString((byte[])headers["X-Dead-Status"]!));
        Assert.InRange(int.Parse(Encoding.UTF8.GetString((byte[])headers["X-Dead-Attempts"]!), CultureInfo.InvariantCulture), 1, (gateway.Calls.Count + 9) / 10);
    }

    [Fact]
    public async Task What_waits_for_a_slot_goes_back_in_time_and_is_run_once_there_is_one()
    {
        var queue = await broker.CreateAsync("waits-for-slot");
        var release = new TaskCompletionSource();
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = (request, _) => request.Text == "slow" ? release.Task : Task.CompletedTask;
        await using var connector = await StartAsync(gateway, queue, ("max_inflight", "1"));
        await Client.SendAsync(queue, "slow");
        await gateway.ReceivesAsync(1);
        foreach (var message in new[] { "1", "2", "3" })
        {
            await Client.SendAsync(queue, message);
        }

        await ComesAgainAsync(connector, queue, 3);
        Assert.Single(gateway.Calls);
        release.SetResult();

        await SettlesAsync(connector, queue, "completed", 4);
        await connector.StopAsync();
        await Client.IsEmptyAsync(queue);
        Assert.Equal(["1", "2", "3", "slow"], gateway.Calls.Select(call => call.Text).Order(StringComparer.Ordinal));
        Assert.Null(await Client.CountAsync(queue + ".dead"));
    }

    // Seconds; 25 minutes are 1,500 of them. The waits of the usual ten runs are 243 in all.
    [Theory]
    [InlineData(10, 120, "1s", "60s", true)]
    [InlineData(10, 126, "1s", "60s", false)]
    [InlineData(11, 120, "1s", "60s", false)]
    [InlineData(2, 600, "5m", "5m", true)]
    [InlineData(2, 600, "301s", "301s", false)]
    [InlineData(1, 3600, "1s", "60s", true)]
    [InlineData(2_000_000_000, 1, "1s", "45h", false)]
    public void Whether_all_runs_have_their_time_is_known_before_the_first(int attempts, int seconds, string firstWait, string longestWait, bool expected)
    {
        var failure = Running.Options(("queues", "q"), ("max_retry_attempts", $"{attempts}"), ("initial_retry_wait", firstWait), ("max_retry_wait", longestWait)).Failure;

        Assert.Equal(expected, failure.HasTimeFor(TimeSpan.FromSeconds(seconds), TimeSpan.FromMinutes(25)));
    }

    [Fact]
    public async Task Runs_that_may_not_have_their_time_are_told_at_the_start()
    {
        var queue = await broker.CreateAsync("told");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await using (var connector = await Running.StartAsync(gateway, broker.Server.Url, queue, ("max_retry_attempts", "4"), ("upstream_timeout", "10m")))
        {
            await connector.SaysAsync("raise max_hold");
        }

        await using var patient = await Running.StartAsync(
            gateway, broker.Server.Url, queue, ("max_retry_attempts", "4"), ("upstream_timeout", "10m"), ("max_hold", "11h"));
        await Client.SendAsync(queue, "x");
        await SettlesAsync(patient, queue, "completed", 1);
        Assert.DoesNotContain(patient.Lines, line => line.Contains("raise max_hold", StringComparison.Ordinal));
    }

    private Task<RunningConnector> StartAsync(GatewayServer gateway, string queue, params (string Name, string Value)[] values)
    {
        var options = Running.Options([
            ("gateway_url", gateway.Url.AbsoluteUri), ("rebuild_interval", "50ms"), ("rabbitmq_url", broker.Server.Url), ("queues", queue), .. values]);
        return RunningConnector.StartAsync(builder => Running.Register(builder, options with { LongestHold = TimeSpan.FromMilliseconds(500) }));
    }

    private static Task ComesAgainAsync(RunningConnector connector, string queue, int times) => Eventually.HoldsAsync(
        async () => await connector.MetricAsync($"rabbitmq_connector_received_total{{queue=\"{queue}\",redelivered=\"true\"}}") >= times, "it goes back, and comes again");

    private static Task SettlesAsync(RunningConnector connector, string queue, string end, int messages) => Eventually.HoldsAsync(
        async () => await connector.MetricAsync($"rabbitmq_connector_settled_total{{queue=\"{queue}\",end=\"{end}\"}}") == messages, $"{messages} are {end}");
}
