using Amazon.SQS.Model;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.Sqs.Tests;

/// <summary>What becomes of messages that functions do not take.</summary>
public class FailureTests(QueueServer server)
{
    [Fact]
    public async Task Messages_outlive_a_connector_killed_midway_and_the_hopeless_reach_the_dead_letters()
    {
        var count = Rounds.Of(usual: 800, many: 5_000);
        const int maxReceives = 4;
        await using var own = new OwnServer();
        await own.StartAsync();
        var dead = await own.Queues.CreateAsync("dead");
        var queue = await own.Queues.CreateAsync("load", deadLetters: dead, maxReceives: maxReceives);
        var bodies = Enumerable.Range(0, count).Select(i => i % 50 == 0 ? $"hopeless {i}" : $"message {i}").ToList();
        var hopeless = bodies.Where(b => b.StartsWith("hopeless", StringComparison.Ordinal)).ToHashSet();

        // Beside those that always fail, one message in twenty fails once.
        var ledger = new Ledger((body, call) => hopeless.Contains(body) || (call == 1 && int.Parse(body.Split(' ')[1]) % 20 == 1));
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = ledger.AnswerAsync;
        var environment = ConnectorProcess.Environment(gateway, own.Queues.Url(queue), new() { ["visibility_timeout"] = "5s", ["initial_retry_wait"] = "1s", ["max_retry_wait"] = "1s" });
        await using var killed = await ServiceProcess.StartAsync("SqsConnector", environment);
        await using var survivor = await ServiceProcess.StartAsync("SqsConnector", environment);

        await own.Queues.SendAsync(queue, bodies.Select(b => (b, (string?)null)));
        await Eventually.HoldsAsync(() => ledger.Taken.Count > count / 4, "a quarter is done");
        await killed.KillAsync();
        await Eventually.HoldsAsync(async () => await own.Queues.CountAsync(queue) == (0, 0), "the queue is empty", TimeSpan.FromMinutes(3));

        Assert.Equal(bodies.Except(hopeless).Order(), ledger.Taken.Distinct().Order());
        var letters = await own.DrainAsync(dead);
        Assert.Equal(hopeless.Order(), letters.Select(m => m.Body).Order());
        Assert.All(hopeless, body => Assert.InRange(ledger.Calls(body), 1, maxReceives));

        // The server counts the look that moved it and ours at the dead letters too.
        Assert.All(letters, letter => Assert.Equal($"{maxReceives + 2}", letter.Attributes["ApproximateReceiveCount"]));
    }

    [Fact]
    public async Task A_message_that_always_fails_is_tried_exactly_as_often_as_its_queue_says()
    {
        var dead = await server.CreateAsync("dead");
        var queue = await server.CreateAsync("always", deadLetters: dead, maxReceives: 3);
        var ledger = new Ledger((body, _) => body != "good");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = ledger.AnswerAsync;
        await using var connector = await Running.StartAsync(gateway, ("queue_url", server.Url(queue)), ("max_retry_wait", "1s"));

        await server.SendAsync(queue, [("bad", null), ("worse", null), ("good", null)]);
        await Eventually.HoldsAsync(async () => await server.CountAsync(dead) == (2, 0), "both are dead letters");
        await server.IsEmptyAsync(queue);

        Assert.Equal((3, 3, 1), (ledger.Calls("bad"), ledger.Calls("worse"), ledger.Calls("good")));
    }

    [Theory]
    [InlineData("release", 3)]
    [InlineData("delete", 1)]
    public async Task Released_it_comes_back_at_once_and_deleted_never(string onFailure, int calls)
    {
        var dead = await server.CreateAsync("dead");
        var queue = await server.CreateAsync("other", deadLetters: dead, maxReceives: 3);
        var ledger = new Ledger((_, _) => true);
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = ledger.AnswerAsync;
        await using var connector = await Running.StartAsync(gateway, ("queue_url", server.Url(queue)), ("on_failure", onFailure), ("initial_retry_wait", "1h"), ("max_retry_wait", "2h"));

        await server.SendAsync(queue, "bad");
        await gateway.ReceivesAsync(calls);
        await server.IsEmptyAsync(queue);

        Assert.Equal(calls, ledger.Calls("bad"));
        Assert.Equal((onFailure == "release" ? 1 : 0, 0), await server.CountAsync(dead));
    }

    [Fact]
    public async Task A_message_too_large_for_the_gateway_does_not_loop_and_holds_up_nothing()
    {
        var queue = await server.CreateAsync("large");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = (request, http) =>
        {
            http.Response.StatusCode = request.Text == "large" ? StatusCodes.Status413PayloadTooLarge : StatusCodes.Status200OK;
            return Task.CompletedTask;
        };
        await using var connector = await Running.StartAsync(
            gateway, ("queue_url", server.Url(queue)), ("on_failure", "release"), ("max_retry_wait", "10m"));

        await server.SendAsync(queue, "large");
        await gateway.ReceivesAsync(1);
        await server.SendAsync(queue, "small");
        await gateway.ReceivesAsync(1, call => call.Text == "small");
        await Eventually.HoldsAsync(async () => await server.CountAsync(queue) == (0, 1), "the small one is gone, the large one hidden");

        Assert.Equal(2, gateway.Calls.Count);
        await Eventually.HoldsAsync(
            async () => await connector.MetricAsync($$"""sqs_connector_failures_total{queue="{{queue}}",operation="deliver",kind="hopeless"}""") == 1, "it is counted as hopeless");
    }

    [Fact]
    public async Task A_gateway_away_costs_no_receive()
    {
        var queue = await server.CreateAsync("away");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));

        // After eight tries it counts against the message: with longer waits between them a slow machine has started the gateway again by then.
        await using var connector = await Running.StartAsync(gateway, ("queue_url", server.Url(queue)), ("max_retry_wait", "10s"));
        await gateway.IsPolledAsync();

        await gateway.StopAsync();
        await server.SendAsync(queue, "patient");
        await Eventually.HoldsAsync(async () => await connector.MetricAsync($$"""sqs_connector_received_total{queue="{{queue}}"}""") == 1, "it is received");
        await gateway.StartAgainAsync();
        await gateway.ReceivesAsync(1);
        await server.IsEmptyAsync(queue);

        Assert.Equal("1", gateway.Calls.Single().Header("X-SQS-ApproximateReceiveCount"));
    }

    // In the words of the platform: its provider is away, its function has no process or runs as many calls as it takes.
    [Theory]
    [InlineData("delete", 502, "gateway")]
    [InlineData("release", 503, "proxy")]
    [InlineData("back_off", 429, "faas-middleware")]
    public async Task A_function_that_is_down_or_full_costs_no_receive_and_deletes_nothing(string onFailure, int status, string source)
    {
        var queue = await server.CreateAsync("down");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        var refusals = 3;
        gateway.Answer = (_, http) => Interlocked.Decrement(ref refusals) >= 0 ? Refuse(http, status, source) : Task.CompletedTask;
        await using var connector = await Running.StartAsync(gateway, ("queue_url", server.Url(queue)), ("on_failure", onFailure), ("initial_retry_wait", "100ms"));

        await server.SendAsync(queue, "patient");
        await gateway.ReceivesAsync(4);
        await server.IsEmptyAsync(queue);

        Assert.Equal(["1", "1", "1", "1"], gateway.Calls.Select(call => call.Header("X-SQS-ApproximateReceiveCount")));
    }

    // They would wait for an hour, and of two slots one is the other queue's.
    [Fact]
    public async Task Messages_that_wait_for_a_function_leave_slots_to_other_queues()
    {
        var (down, up) = (await server.CreateAsync("down"), await server.CreateAsync("up"));
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(down, "away"), ListedFunction.Wanting(up, "there"));
        gateway.Answer = (request, http) => request.Header("X-Topic") == down ? Refuse(http, StatusCodes.Status503ServiceUnavailable, "proxy") : Task.CompletedTask;
        await using var connector = await Running.StartAsync(
            gateway, ("queue_url", $"{server.Url(down)},{server.Url(up)}"), ("max_inflight", "2"), ("initial_retry_wait", "1h"), ("max_retry_wait", "2h"));

        await server.SendAsync(down, [("1", null), ("2", null), ("3", null)]);
        await gateway.ReceivesAsync(3);
        await server.SendAsync(up, "there");

        await server.IsEmptyAsync(up);
        Assert.Equal((0, 3), await server.CountAsync(down));
    }

    private static Task Refuse(HttpContext http, int status, string source)
    {
        http.Response.StatusCode = status;
        http.Response.Headers["X-OpenFaaS-Internal"] = source;
        return Task.CompletedTask;
    }

    /// <summary>A server that no other test slows down, or is slowed down by.</summary>
    private sealed class OwnServer : IAsyncDisposable
    {
        public QueueServer Queues { get; } = new();

        public ValueTask StartAsync() => Queues.InitializeAsync();

        public async Task<List<Message>> DrainAsync(string queue)
        {
            var messages = new List<Message>();
            while (await Queues.CountAsync(queue) is { Visible: > 0 })
            {
                messages.AddRange((await Queues.Client.ReceiveMessageAsync(new ReceiveMessageRequest
                {
                    QueueUrl = Queues.Url(queue),
                    MaxNumberOfMessages = 10,
                    VisibilityTimeout = 600,
                    MessageSystemAttributeNames = ["All"],
                })).Messages);
            }

            return messages;
        }

        public ValueTask DisposeAsync() => Queues.DisposeAsync();
    }
}
