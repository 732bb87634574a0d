using System.Text;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;
using RabbitMQ.Client;

namespace Connectors.RabbitMq.Tests;

public class DeliveryTests(SharedBroker broker)
{
    private string Url => broker.Server.Url;

    private BrokerClient Client => broker.Client;

    [Fact]
    public async Task A_message_is_acked_only_after_the_answer()
    {
        var queue = await broker.CreateAsync("acked");
        var release = new TaskCompletionSource();
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = (_, _) => release.Task;
        await Client.SendAsync(queue, "hello", new BasicProperties { MessageId = "m1", ContentType = "application/json", Headers = new Dictionary<string, object?> { ["colour"] = "red" } });
        await using (var connector = await Running.StartAsync(gateway, Url, queue))
        {
            await gateway.ReceivesAsync(1);
            var processed = $"rabbitmq_connector_messages_processed_total{{queue=\"{queue}\"}}";
            Assert.Null(await connector.MetricAsync(processed));
            release.SetResult();
            await Eventually.HoldsAsync(async () => await connector.MetricAsync(processed) == 1, "it is acked");
        }

        await Client.IsEmptyAsync(queue);
        var call = gateway.Calls[0];
        Assert.Equal("hello", call.Text);
        Assert.Equal(("m1", "m1", queue, ""), (call.Header("X-Rabbitmq-Msg-Id"), call.Header("X-Msg-Id"), call.Header("X-Rabbitmq-Routing-Key"), call.Header("X-Rabbitmq-Exchange")));
        Assert.Equal(("application/json", "red", "false"), (call.Header("Content-Type"), call.Header("X-Rabbitmq-Header-colour"), call.Header("X-Rabbitmq-Redelivered")));
    }

    [Fact]
    public async Task In_async_mode_the_gateways_202_is_enough()
    {
        var queue = await broker.CreateAsync("async");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await using (var connector = await Running.StartAsync(gateway, Url, queue, ("asynchronous_invocation", "true")))
        {
            await Client.SendAsync(queue, "hello");
            await gateway.ReceivesAsync(1, call => call.Path.StartsWith("/async-function/receiver", StringComparison.Ordinal));
        }

        await Client.IsEmptyAsync(queue);
    }

    [Fact]
    public async Task What_no_function_takes_becomes_a_dead_letter_with_its_story_and_holds_up_nothing()
    {
        var queue = await broker.CreateAsync("failing");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = (request, http) =>
        {
            http.Response.StatusCode = request.Text switch { "again" => StatusCodes.Status503ServiceUnavailable, "never" => StatusCodes.Status400BadRequest, _ => StatusCodes.Status200OK };
            return Task.CompletedTask;
        };
        await using (var connector = await Running.StartAsync(gateway, Url, queue, ("max_retry_attempts", "3"), ("max_inflight", "1")))
        {
            await Client.SendAsync(
                queue, "never", new BasicProperties { MessageId = "m1", Expiration = "3600000", UserId = "guest", Type = "order", Headers = new Dictionary<string, object?> { ["n"] = 7 } });
            await Client.SendAsync(queue, "again", new BasicProperties { DeliveryMode = DeliveryModes.Transient });
            await Client.SendAsync(queue, "good");
            await gateway.ReceivesAsync(1, call => call.Text == "good");
            await Client.HoldsAsync(queue + ".dead", 2);
            await connector.SaysAsync($"Dead letter queue={queue}");
            await Eventually.HoldsAsync(async () => await connector.MetricAsync($"rabbitmq_connector_settled_total{{queue=\"{queue}\",end=\"dead_letter\"}}") == 2, "two are told");
        }

        await Client.IsEmptyAsync(queue);
        var letters = new[] { await Client.TakeAsync(queue + ".dead"), await Client.TakeAsync(queue + ".dead") }.ToDictionary(l => Encoding.UTF8.GetString(l!.Body.Span), l => l!.BasicProperties);
        Assert.Equal("1", Text(letters["never"], "X-Dead-Attempts"));
        Assert.Equal("3", Text(letters["again"], "X-Dead-Attempts"));
        Assert.Equal((queue, "400", queue, "answered 400"), (Text(letters["never"], "X-Dead-Queue"), Text(letters["never"], "X-Dead-Status"), Text(letters["never"], "X-Dead-Routing-Key"), Text(letters["never"], "X-Dead-Reason")));
        Assert.Equal(("m1", "order", 7), (letters["never"].MessageId, letters["never"].Type, letters["never"].Headers!["n"]));
        Assert.Equal((false, false), (letters["never"].IsExpirationPresent(), letters["never"].IsUserIdPresent()));
        Assert.All(letters.Values, letter => Assert.Equal(DeliveryModes.Persistent, letter.DeliveryMode));
    }

    [Fact]
    public async Task A_final_status_of_one_function_does_not_end_a_message_that_another_takes_later()
    {
        var queue = await broker.CreateAsync("two");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "later"), ListedFunction.Wanting(queue, "never"));
        var refusals = 1;
        gateway.Answer = (request, http) =>
        {
            http.Response.StatusCode = request.Path.Contains("/never.", StringComparison.Ordinal) ? StatusCodes.Status503ServiceUnavailable
                : Interlocked.Decrement(ref refusals) >= 0 ? StatusCodes.Status404NotFound
                : StatusCodes.Status200OK;
            return Task.CompletedTask;
        };
        await using var connector = await Running.StartAsync(gateway, Url, queue, ("retry_http_codes", "404"));

        await Client.SendAsync(queue, "hello");

        await Client.HoldsAsync(queue + ".dead", 1);
        Assert.Equal(2, gateway.Calls.Count(call => call.Path.Contains("/later.", StringComparison.Ordinal)));
        Assert.Equal("503", Text((await Client.TakeAsync(queue + ".dead"))!.BasicProperties, "X-Dead-Status"));
    }

    [Fact]
    public async Task A_dead_letter_that_cannot_be_written_leaves_its_message_where_it_is()
    {
        var queue = await broker.CreateAsync("undead");
        await Client.DeclareAsync(queue + ".dead", ("x-max-length", 0), ("x-overflow", "reject-publish"));
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = (_, http) =>
        {
            http.Response.StatusCode = StatusCodes.Status400BadRequest;
            return Task.CompletedTask;
        };
        await using (var connector = await Running.StartAsync(gateway, Url, queue))
        {
            await Client.SendAsync(queue, "never");
            await connector.SaysAsync($"Dead letter not written, the message backs off and is run again queue={queue}");
            await gateway.ReceivesAsync(2);
        }

        await Client.HoldsAsync(queue, 1);
    }

    [Theory]
    [InlineData("reject", 0, 1)]
    [InlineData("drop", 0, 0)]
    public async Task On_failure_decides_what_becomes_of_what_no_function_takes(string onFailure, uint left, uint exchanged)
    {
        var exchange = await broker.CreateAsync("exchanged");
        var queue = await broker.CreateAsync(onFailure, ("x-dead-letter-exchange", ""), ("x-dead-letter-routing-key", exchange));
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = (_, http) =>
        {
            http.Response.StatusCode = StatusCodes.Status400BadRequest;
            return Task.CompletedTask;
        };
        await using (var connector = await Running.StartAsync(gateway, Url, queue, ("on_failure", onFailure)))
        {
            await Client.SendAsync(queue, "never");
            await connector.SaysAsync($"(on_failure={onFailure})");
        }

        await Client.HoldsAsync(queue, left);
        await Client.HoldsAsync(exchange, exchanged);
    }

    [Fact]
    public async Task Requeued_messages_end_by_the_queues_own_limit()
    {
        var dead = await broker.CreateAsync("limited-dead");
        var queue = await broker.CreateAsync("limited", ("x-queue-type", "quorum"), ("x-delivery-limit", 3), ("x-dead-letter-exchange", ""), ("x-dead-letter-routing-key", dead));
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = (_, http) =>
        {
            http.Response.StatusCode = StatusCodes.Status400BadRequest;
            return Task.CompletedTask;
        };
        await using var connector = await Running.StartAsync(gateway, Url, queue, ("on_failure", "requeue"));

        await Client.SendAsync(queue, "never");

        await Client.HoldsAsync(dead, 1);
        Assert.Contains(gateway.Calls, call => call.Header("X-Rabbitmq-Header-x-delivery-count") == "1" && call.Header("X-Rabbitmq-Redelivered") == "true");
    }

    [Fact]
    public async Task A_message_that_is_requeued_does_not_go_round_at_once()
    {
        var queue = await broker.CreateAsync("requeued");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = (request, http) =>
        {
            http.Response.StatusCode = request.Text == "never" ? StatusCodes.Status400BadRequest : StatusCodes.Status200OK;
            return Task.CompletedTask;
        };
        await using (var connector = await Running.StartAsync(gateway, Url, queue, ("on_failure", "requeue"), ("initial_retry_wait", "1h"), ("max_retry_wait", "1h"), ("max_inflight", "1")))
        {
            await Client.SendAsync(queue, "never");
            await connector.SaysAsync("(on_failure=requeue)");
            for (var i = 1; i <= 20; i++)
            {
                await Client.SendAsync(queue, "good");
                await gateway.ReceivesAsync(i, call => call.Text == "good");
            }
        }

        Assert.Single(gateway.Calls, call => call.Text == "never");
        await Client.HoldsAsync(queue, 1);
    }

    [Fact]
    public async Task A_queue_that_no_function_wants_is_left_alone_until_one_does()
    {
        var (wanted, other) = (await broker.CreateAsync("wanted"), await broker.CreateAsync("other"));
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(other, "receiver"));
        await using var connector = await Running.StartAsync(gateway, Url, $"{wanted},{other}");
        await connector.SaysAsync($"No function wants the queue, its messages stay there queue={wanted}");
        await connector.IsReadyAsync();
        await Client.SendAsync(wanted, "later");
        await Client.SendAsync(other, "now");
        await gateway.ReceivesAsync(1);
        Assert.Equal((1u, 0u), await Client.CountAsync(wanted));
        await Eventually.HoldsAsync(async () => await SeenAsync(other) == (0, 1), "depth and consumers of the one are told");
        Assert.Equal((null, null), await SeenAsync(wanted));

        gateway.Functions = [ListedFunction.Wanting(wanted, "receiver")];

        await gateway.ReceivesAsync(1, call => call.Text == "later");
        await Eventually.HoldsAsync(async () => (await Client.CountAsync(other))?.Consumers == 0, "the other is consumed no more");
        await Eventually.HoldsAsync(async () => await SeenAsync(other) == (null, null), "what nobody looks at any more is not shown");
        await Client.SendAsync(other, "stays");
        gateway.Functions = [ListedFunction.Wanting(other, "receiver")];
        await gateway.ReceivesAsync(1, call => call.Text == "stays");

        async Task<(double?, double?)> SeenAsync(string queue) =>
            (await connector.MetricAsync($"rabbitmq_connector_queue_depth{{queue=\"{queue}\"}}"), await connector.MetricAsync($"rabbitmq_connector_queue_consumers{{queue=\"{queue}\"}}"));
    }

    [Fact]
    public async Task What_a_function_took_is_acked_though_none_wants_the_queue_by_then()
    {
        var queue = await broker.CreateAsync("taken");
        var release = new TaskCompletionSource();
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = (_, _) => release.Task;
        await Client.SendAsync(queue, "once");
        await using (var connector = await Running.StartAsync(gateway, Url, queue))
        {
            await gateway.ReceivesAsync(1);
            gateway.Functions = [];
            await connector.SaysAsync($"No function wants the queue, its messages stay there queue={queue}");
            release.SetResult();
            await Eventually.HoldsAsync(async () => await connector.MetricAsync($"rabbitmq_connector_messages_processed_total{{queue=\"{queue}\"}}") == 1, "it is acked");
        }

        await Client.IsEmptyAsync(queue);
        Assert.Single(gateway.Calls);
    }

    [Fact]
    public async Task An_answer_that_always_breaks_off_ends_as_a_dead_letter()
    {
        var queue = await broker.CreateAsync("broken");
        await using var gateway = RawServer.Start(request => new RawAnswer(request.Target switch
        {
            "/system/namespaces" => Json("[]"),
            var target when target.StartsWith("/system/functions", StringComparison.Ordinal) => Json($$$"""[{"name":"receiver","annotations":{"topic":"{{{queue}}}"}}]"""),
            _ => "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        }, After.Close));
        var options = Running.Options(
            ("gateway_url", gateway.Url.AbsoluteUri), ("rebuild_interval", "50ms"), ("rabbitmq_url", Url), ("queues", queue), ("basic_auth", "false"),
            ("initial_retry_wait", "10ms"), ("max_retry_wait", "50ms"), ("max_retry_attempts", "3"));
        await using var connector = await RunningConnector.StartAsync(builder => Running.Register(builder, options));

        await Client.SendAsync(queue, "poison");

        await Client.HoldsAsync(queue + ".dead", 1);
        Assert.Equal(3, gateway.Requests.Count(request => request.Target.StartsWith("/function/", StringComparison.Ordinal)));
        Assert.StartsWith("no whole answer: ", Text((await Client.TakeAsync(queue + ".dead"))!.BasicProperties, "X-Dead-Reason"), StringComparison.Ordinal);

        static string Json(string body) => $"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n{body}";
    }

    [Fact]
    public async Task The_broker_sends_no_more_ahead_than_prefetch_says()
    {
        var queue = await broker.CreateAsync("ahead");
        var release = new TaskCompletionSource();
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = (_, _) => release.Task;
        for (var i = 0; i < 10; i++)
        {
            await Client.SendAsync(queue, $"{i}");
        }

        await using var connector = await Running.StartAsync(gateway, Url, queue, ("prefetch", "4"), ("max_inflight", "2"));
        await gateway.ReceivesAsync(2);
        await Client.HoldsAsync(queue, 6);
        Assert.Equal(2, gateway.Running);

        release.SetResult();
        await gateway.ReceivesAsync(10);
    }

    [Fact]
    public async Task A_queue_that_is_not_there_is_made_and_one_of_any_other_kind_is_taken_as_it_is()
    {
        var made = SharedBroker.Name("made");
        var odd = await broker.CreateAsync("odd", ("x-queue-type", "quorum"), ("x-max-length", 1000));
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting($"{made},{odd}", "receiver"));
        await using var connector = await Running.StartAsync(gateway, Url, $$"""[{"name":"{{made}}","autodelete":true},{"name":"{{odd}}","durable":false}]""");
        await Eventually.HoldsAsync(async () => (await Client.CountAsync(made))?.Consumers == 1, "it is made and consumed");

        await Client.SendAsync(made, "a");
        await Client.SendAsync(odd, "b");

        await gateway.ReceivesAsync(2);
        await connector.StopAsync();
        await Eventually.HoldsAsync(async () => await Client.CountAsync(made) is null, "it is gone");
    }

    [Fact]
    public async Task Different_messages_of_one_id_are_no_repeats()
    {
        var queue = await broker.CreateAsync("one-id");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await using var connector = await Running.StartAsync(gateway, Url, queue);

        foreach (var body in new[] { "first", "second", "second" })
        {
            await Client.SendAsync(queue, body, new BasicProperties { MessageId = "1" });
        }

        await Client.SendAsync(queue, "none");
        await Client.SendAsync(queue, "none");
        await gateway.ReceivesAsync(5);
        Assert.Equal([1, 1, 1, 2], gateway.Calls.GroupBy(c => c.Header("Idempotency-Key")).Select(g => g.Count()).Order());
    }

    private static string Text(IReadOnlyBasicProperties properties, string name) => Encoding.UTF8.GetString((byte[])properties.Headers![name]!);
}
