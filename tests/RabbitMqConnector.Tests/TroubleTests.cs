using Connectors.Testing;
using Microsoft.AspNetCore.Http;
using RabbitMQ.Client;

namespace Connectors.RabbitMq.Tests;

public class TroubleTests(SharedBroker broker)
{
    [Fact]
    public async Task What_one_queue_suffers_leaves_the_others_alone()
    {
        var (good, locked) = (await broker.CreateAsync("good"), SharedBroker.Name("locked"));
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting($"{good},{locked}", "receiver"));
        await using var owner = await new ConnectionFactory { HostName = "127.0.0.1", Port = broker.Server.Port }.CreateConnectionAsync();
        await using var channel = await owner.CreateChannelAsync();
        await channel.QueueDeclareAsync(locked, durable: false, exclusive: true, autoDelete: true);
        await using var connector = await Running.StartAsync(gateway, broker.Server.Url, $"{locked},{good}");
        await connector.SaysAsync($"Queue not consumed, trying again queue={locked} kind=locked");

        await broker.Client.SendAsync(good, "hello");

        await gateway.ReceivesAsync(1);
        Assert.Equal(0, await connector.MetricAsync($"rabbitmq_connector_queue_consumed{{queue=\"{locked}\"}}"));
        Assert.Equal(0, await connector.MetricAsync($"rabbitmq_connector_settled_total{{queue=\"{locked}\",end=\"dead_letter\"}}"));
        await Eventually.HoldsAsync(async () => await connector.MetricAsync($"rabbitmq_connector_queue_consumed{{queue=\"{good}\"}}") == 1, "the other is told to be consumed");
        await owner.CloseAsync();
        await connector.IsReadyAsync();
        await broker.Client.SendAsync(locked, "hello");
        await gateway.ReceivesAsync(2);
    }

    [Fact]
    public async Task A_gateway_that_is_away_uses_up_no_run()
    {
        var queue = await broker.CreateAsync("patient");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = (_, http) =>
        {
            http.Response.StatusCode = gateway.Calls.Count == 1 ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK;
            return Task.CompletedTask;
        };
        await using var connector = await Running.StartAsync(gateway, broker.Server.Url, queue, ("on_failure", "drop"), ("max_retry_attempts", "2"));
        await connector.IsReadyAsync();

        await gateway.StopAsync();
        await broker.Client.SendAsync(queue, "x");
        await Eventually.HoldsAsync(
            async () => await connector.MetricAsync($"rabbitmq_connector_retries_total{{queue=\"{queue}\"}}") > 2, "it is tried again, more often than it has attempts");
        await gateway.StartAgainAsync();

        await Eventually.HoldsAsync(
            async () => await connector.MetricAsync($"rabbitmq_connector_messages_processed_total{{queue=\"{queue}\"}}") == 1, "it is taken in the end");
        Assert.Equal(2, gateway.Calls.Count);
    }

    [Fact]
    public async Task A_message_that_the_client_cannot_read_stays_its_own_queues_trouble()
    {
        var (good, bad) = (await broker.CreateAsync("readable"), await broker.CreateAsync("unreadable"));
        await RawClient.SendDecimalAsync(broker.Server.Port, bad, scale: 29);
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting($"{good},{bad}", "receiver"));
        var release = new TaskCompletionSource();
        gateway.Answer = (_, _) => release.Task;
        for (var i = 0; i < 5; i++)
        {
            await broker.Client.SendAsync(good, $"{i}");
        }

        await using var connector = await Running.StartAsync(gateway, broker.Server.Url, $"{bad},{good}");
        await gateway.ReceivesAsync(5);
        var failures = $"rabbitmq_connector_failures_total{{queue=\"{bad}\",kind=\"unreadable\"}}";
        await Eventually.HoldsAsync(async () => await connector.MetricAsync(failures) >= 2, "the one is tried again");
        using var http = new HttpClient(new SocketsHttpHandler());

        // Not all the time: the queue counts as consumed from each new try until the message has come.
        await Eventually.HoldsAsync(
            async () => (await (await http.GetAsync(new Uri(connector.Metrics, "/readyz"))).Content.ReadAsStringAsync()).Contains($"queue {bad}: the client cannot read a message", StringComparison.Ordinal),
            "it says why it is not ready");
        release.SetResult();

        await Eventually.HoldsAsync(async () => await connector.MetricAsync($"rabbitmq_connector_messages_processed_total{{queue=\"{good}\"}}") == 5, "all of the other are taken");
        Assert.Equal(5, gateway.Calls.Count);
        await broker.Client.DeleteAsync(bad);
        await broker.Client.DeclareAsync(bad);
        await connector.IsReadyAsync();
    }

    [Fact]
    public async Task A_stream_is_refused_by_name_and_no_message_of_it_is_run()
    {
        var (stream, good) = (await broker.CreateAsync("stream", ("x-queue-type", "stream")), await broker.CreateAsync("beside-stream"));
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting($"{stream},{good}", "receiver"));
        await using var connector = await Running.StartAsync(gateway, broker.Server.Url, $"{stream},{good}");

        await connector.SaysAsync($"Queue not consumed, trying again queue={stream} kind=stream");
        using var http = new HttpClient(new SocketsHttpHandler());
        var told = await (await http.GetAsync(new Uri(connector.Metrics, "/readyz"))).Content.ReadAsStringAsync();
        Assert.Contains($"queue {stream}: {stream} is a stream", told, StringComparison.Ordinal);
        Assert.Contains("bind a classic or quorum queue to the same exchange", told, StringComparison.Ordinal);
        Assert.Equal(0, await connector.MetricAsync($"rabbitmq_connector_queue_consumed{{queue=\"{stream}\"}}"));
        await broker.Client.SendAsync(stream, "of the stream");
        await broker.Client.SendAsync(good, "of the queue");
        await gateway.ReceivesAsync(1);
        var failures = await connector.MetricAsync($"rabbitmq_connector_failures_total{{queue=\"{stream}\",kind=\"stream\"}}");
        await Eventually.HoldsAsync(
            async () => await connector.MetricAsync($"rabbitmq_connector_failures_total{{queue=\"{stream}\",kind=\"stream\"}}") > failures, "it is tried again");
        Assert.Equal("of the queue", Assert.Single(gateway.Calls).Text);

        // A queue in its place needs no restart.
        await broker.Client.DeleteAsync(stream);
        await broker.Client.DeclareAsync(stream);
        await connector.IsReadyAsync();
        await broker.Client.SendAsync(stream, "of a queue now");
        await gateway.ReceivesAsync(2);
    }

    [Theory]
    [InlineData("classic")]
    [InlineData("quorum")]
    public async Task A_message_that_carries_the_header_of_a_stream_is_run_from_a_queue(string type)
    {
        var queue = await broker.CreateAsync("from-stream", ("x-queue-type", type));
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await using var connector = await Running.StartAsync(gateway, broker.Server.Url, queue);

        // As a shovel that reads a stream writes it.
        await broker.Client.SendAsync(queue, "x", new BasicProperties { Headers = new Dictionary<string, object?> { ["x-stream-offset"] = 7L } });

        await gateway.ReceivesAsync(1);
        await broker.Client.IsEmptyAsync(queue);
    }

    [Fact]
    public async Task A_queue_that_was_made_here_is_made_again_when_it_is_deleted()
    {
        var queue = SharedBroker.Name("made");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await using var connector = await Running.StartAsync(gateway, broker.Server.Url, queue);
        await connector.IsReadyAsync();
        await IsConsumedAsync(queue);
        await connector.SaysAsync("Queue made: a classic one, bound to the default exchange alone");

        await broker.Client.DeleteAsync(queue);

        await connector.SaysAsync("the queue was deleted or moved, or a message was held beyond consumer_timeout");
        await IsConsumedAsync(queue);
        await broker.Client.SendAsync(queue, "hello");
        await gateway.ReceivesAsync(1);
    }

    // In its way there must not be another one of its name, without its arguments: the broker would refuse the owner's.
    [Theory]
    [InlineData("classic")]
    [InlineData("quorum")]
    public async Task A_queue_that_was_found_is_its_owners_to_make_again(string type)
    {
        var queue = SharedBroker.Name("owned");
        await DeclareAsync();
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await using var connector = await Running.StartAsync(gateway, broker.Server.Url, queue);
        await connector.IsReadyAsync();
        await IsConsumedAsync(queue);

        await broker.Client.DeleteAsync(queue);

        // By the end of its consumer, and by each look from then on.
        await Eventually.HoldsAsync(
            async () => await connector.MetricAsync($"rabbitmq_connector_failures_total{{queue=\"{queue}\",kind=\"missing\"}}") > 2, "it is looked for again and again");
        using var http = new HttpClient(new SocketsHttpHandler());
        Assert.Contains($"no queue '{queue}'", await (await http.GetAsync(new Uri(connector.Metrics, "/readyz"))).Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Null(await broker.Client.CountAsync(queue));
        await DeclareAsync();
        await broker.Client.PublishAsync(queue + ".exchange", "hello");
        await gateway.ReceivesAsync(1);
        await connector.IsReadyAsync();

        Task DeclareAsync() => broker.Client.DeclareBoundAsync(queue, queue + ".exchange", ("x-queue-type", type), ("x-dead-letter-exchange", "dead"));
    }

    [Fact]
    public async Task A_queue_that_goes_with_its_consumer_is_made_again_whoever_made_it_first()
    {
        var queue = SharedBroker.Name("passing");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await using var owner = await new ConnectionFactory { HostName = "127.0.0.1", Port = broker.Server.Port }.CreateConnectionAsync();
        await using var channel = await owner.CreateChannelAsync();
        await channel.QueueDeclareAsync(queue, durable: true, exclusive: false, autoDelete: true);
        await using var connector = await Running.StartAsync(gateway, broker.Server.Url, $$"""[{"name":"{{queue}}","autodelete":true}]""");
        await IsConsumedAsync(queue);

        gateway.Functions = [];
        await Eventually.HoldsAsync(async () => await broker.Client.CountAsync(queue) is null, "it is gone with its consumer");
        gateway.Functions = [ListedFunction.Wanting(queue, "receiver")];

        await IsConsumedAsync(queue);
    }

    [Fact]
    public async Task No_queue_is_made_where_none_may_be()
    {
        var queue = SharedBroker.Name("awaited");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = (_, http) =>
        {
            http.Response.StatusCode = StatusCodes.Status400BadRequest;
            return Task.CompletedTask;
        };
        await using var connector = await Running.StartAsync(gateway, broker.Server.Url, queue, ("declare_queues", "false"));
        await connector.SaysAsync($"Queue not consumed, trying again queue={queue} kind=missing");
        Assert.Null(await broker.Client.CountAsync(queue));

        await broker.Client.DeclareBoundAsync(queue, queue + ".exchange", ("x-queue-type", "quorum"));
        await broker.Client.PublishAsync(queue + ".exchange", "never");

        await connector.SaysAsync("Dead letter not written");
        Assert.Null(await broker.Client.CountAsync(queue + ".dead"));
        await broker.Client.DeclareAsync(queue + ".dead");
        await broker.Client.HoldsAsync(queue + ".dead", 1);
        await connector.IsReadyAsync();
    }

    // From RabbitMQ 4.3 on, a message that is held beyond consumer_timeout ends a consumer as its queue's deletion does.
    [Theory]
    [InlineData("classic")]
    [InlineData("quorum")]
    public async Task What_came_by_a_consumer_that_the_broker_cancelled_is_not_held_beside_what_comes_anew(string type)
    {
        var queue = await broker.CreateAsync("cancelled", ("x-queue-type", type));
        var release = new TaskCompletionSource();
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = (_, _) => release.Task;
        await using var connector = await Running.StartAsync(gateway, broker.Server.Url, queue);
        await broker.Client.SendAsync(queue, "before");
        await gateway.ReceivesAsync(1);

        await broker.Client.DeleteAsync(queue);
        await broker.Client.DeclareAsync(queue, ("x-queue-type", type));
        await IsConsumedAsync(queue);
        await broker.Client.SendAsync(queue, "after");
        await gateway.ReceivesAsync(2);

        await Eventually.HoldsAsync(async () => await connector.MetricAsync($"rabbitmq_connector_in_flight_messages{{queue=\"{queue}\"}}") == 1, "one is held");
        release.SetResult();
        await Eventually.HoldsAsync(
            async () => (await SettledAsync("completed"), await SettledAsync("too_late")) is (1, 1), "the one is done, and the other is told to come again");
        Assert.Equal(["before", "after"], gateway.Calls.Select(call => call.Text));

        Task<double?> SettledAsync(string end) => connector.MetricAsync($"rabbitmq_connector_settled_total{{queue=\"{queue}\",end=\"{end}\"}}");
    }

    // The broker has it again, if its queue is still there: a letter would be one too many.
    [Fact]
    public async Task What_fails_once_its_channel_has_ended_is_no_dead_letter()
    {
        var queue = await broker.CreateAsync("ended");
        var release = new TaskCompletionSource();
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = (_, http) =>
        {
            http.Response.StatusCode = StatusCodes.Status400BadRequest;
            return release.Task;
        };
        await using var connector = await Running.StartAsync(gateway, broker.Server.Url, queue);
        await broker.Client.SendAsync(queue, "x");
        await gateway.ReceivesAsync(1);

        await broker.Client.DeleteAsync(queue);
        await connector.SaysAsync("the queue was deleted or moved, or a message was held beyond consumer_timeout");
        release.SetResult();

        await Eventually.HoldsAsync(async () => await connector.MetricAsync($"rabbitmq_connector_settled_total{{queue=\"{queue}\",end=\"too_late\"}}") == 1, "it is told to come again");
        Assert.Null(await broker.Client.CountAsync(queue + ".dead"));
    }

    [Fact]
    public async Task A_queue_that_becomes_unwanted_while_its_broker_is_away_shows_no_figures()
    {
        // A broker of its own, for it is killed.
        await using var server = await RabbitMqServer.StartAsync();
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting("last-seen", "receiver"));
        await using var connector = await Running.StartAsync(gateway, server.Url, "last-seen");
        await Eventually.HoldsAsync(async () => await SeenAsync() is (0, 1), "depth and consumers are told");
        await server.KillAsync();
        await connector.SaysAsync("Queue not consumed, trying again queue=last-seen");
        Assert.NotEqual((null, null), await SeenAsync());

        gateway.Functions = [];

        await Eventually.HoldsAsync(async () => await SeenAsync() is (null, null), "what nobody looks at any more is not shown");

        async Task<(double?, double?)> SeenAsync() =>
            (await connector.MetricAsync("rabbitmq_connector_queue_depth{queue=\"last-seen\"}"), await connector.MetricAsync("rabbitmq_connector_queue_consumers{queue=\"last-seen\"}"));
    }

    [Fact]
    public async Task A_password_that_is_not_accepted_is_told_and_a_new_one_needs_no_restart()
    {
        var queue = await broker.CreateAsync("credentials");
        var folder = Directory.CreateTempSubdirectory("rabbitmq-credentials-").FullName;
        var (username, password) = (Path.Combine(folder, "username"), Path.Combine(folder, "password"));
        await File.WriteAllTextAsync(username, "guest");
        await File.WriteAllTextAsync(password, "wrong");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await using (var connector = await Running.StartAsync(gateway, broker.Server.Url, queue, ("username_file", username), ("password_file", password)))
        {
            using var http = new HttpClient(new SocketsHttpHandler());
            await Eventually.HoldsAsync(
                async () => (await (await http.GetAsync(new Uri(connector.Metrics, "/readyz"))).Content.ReadAsStringAsync()).Contains("does not accept the user", StringComparison.Ordinal),
                "it says why it is not ready");

            await File.WriteAllTextAsync(password, "guest");

            await connector.IsReadyAsync();
            await broker.Client.SendAsync(queue, "hello");
            await gateway.ReceivesAsync(1);
        }

        Directory.Delete(folder, recursive: true);
    }

    private Task IsConsumedAsync(string queue) =>
        Eventually.HoldsAsync(async () => (await broker.Client.CountAsync(queue))?.Consumers == 1, "it is consumed");
}
