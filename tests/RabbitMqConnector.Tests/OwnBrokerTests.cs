using Connectors.RabbitMq.Broker;
using Connectors.Sdk.Invocation;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using RabbitMQ.Client;

namespace Connectors.RabbitMq.Tests;

/// <summary>With a broker that other tests could not do with.</summary>
public class OwnBrokerTests(OwnBroker broker) : IClassFixture<OwnBroker>
{
    private RabbitMqServer Server => broker.Server;

    private BrokerClient Client => broker.Client;

    [Fact]
    public async Task A_broker_that_takes_no_letters_goes_on_taking_acks()
    {
        const int good = 200;
        await Client.DeclareAsync("full");
        await Client.DeclareAsync("full.dead");
        await Client.SendAsync("full", "never");
        for (var i = 0; i < good; i++)
        {
            await Client.SendAsync("full", "good");
        }

        try
        {
            await Server.LackMemoryAsync(true);
            await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting("full", "receiver"));
            gateway.Answer = (request, http) =>
            {
                http.Response.StatusCode = request.Text == "never" ? StatusCodes.Status400BadRequest : StatusCodes.Status200OK;
                return Task.CompletedTask;
            };
            await using var connector = await Running.StartAsync(gateway, Server.Url, "full", ("prefetch", "10"));

            await gateway.ReceivesAsync(good, call => call.Text == "good");
            await connector.SaysAsync("it lacks memory or disk");
            await Client.HoldsAsync("full.dead", 0);

            await Server.LackMemoryAsync(false);
            await Eventually.HoldsAsync(async () => await connector.MetricAsync("rabbitmq_connector_settled_total{queue=\"full\",end=\"dead_letter\"}") == 1, "the letter is written then");
            Assert.NotEqual(0u, (await Client.CountAsync("full.dead"))?.Messages);
            await connector.StopAsync();
            await Client.IsEmptyAsync("full");
            Assert.Equal(good, gateway.Calls.Count(call => call.Text == "good"));
        }
        finally
        {
            // The other tests have the same broker: whatever failed here, it takes what they write.
            await Server.LackMemoryAsync(false);
        }
    }

    [Fact]
    public async Task Letters_that_wait_for_the_broker_end_with_their_connection()
    {
        await Client.DeclareAsync("letters");
        var options = Running.Options(("rabbitmq_url", Server.Url), ("queues", "unused"));
        var writer = new BrokerWriter(new BrokerDialer(options, new Dialer(TimeProvider.System), TimeProvider.System, NullLogger<BrokerDialer>.Instance));
        var channel = await writer.OpenAsync(CancellationToken.None);
        var letter = new QueueMessage(1, false, "", "", new MessageProperties(), "hello"u8.ToArray());
        await channel.WriteAsync("letters", letter, new Dictionary<string, object?>(), mayMake: true, CancellationToken.None);
        Server.Pause();
        try
        {
            Task[] writes = [.. Enumerable.Range(0, 300).Select(_ => channel.WriteAsync("letters", letter, new Dictionary<string, object?>(), mayMake: true, CancellationToken.None))];

            await writer.DisposeAsync();

            await Eventually.HoldsAsync(() => writes.All(write => write is { IsCompleted: true, IsCompletedSuccessfully: false }), "all have ended");
        }
        finally
        {
            Server.Resume();
        }
    }

    // What reads them, and writes them to the dead letter, calls itself once for each list.
    [Fact]
    public async Task Headers_of_lists_in_lists_as_deep_as_a_frame_can_hold_end_no_process()
    {
        await Client.DeclareAsync("deep");
        await Client.DeclareAsync("beside-deep");
        await RawClient.SendListsAsync(Server.Port, "deep", depth: 20_000);
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting("deep,beside-deep", "receiver"));
        gateway.Answer = (request, http) =>
        {
            http.Response.StatusCode = request.Text == "good" ? StatusCodes.Status200OK : StatusCodes.Status400BadRequest;
            return Task.CompletedTask;
        };
        await using var connector = await ServiceProcess.StartAsync("RabbitMqConnector", new Dictionary<string, string>
        {
            ["gateway_url"] = gateway.Url.AbsoluteUri,
            ["rebuild_interval"] = "100ms",
            ["rabbitmq_url"] = Server.Url,
            ["queues"] = "deep,beside-deep",
        });

        await Client.HoldsAsync("deep.dead", 1);
        await Client.SendAsync("beside-deep", "good");
        await gateway.ReceivesAsync(1, call => call.Text == "good");
        Assert.Equal(0, await connector.MetricAsync("rabbitmq_connector_dead_letters_reduced_total{queue=\"deep\"}") ?? 0);
        Assert.Equal(0, await connector.TerminateAsync());
    }

    // A client that cannot take it ends its connection, and with it all else that is here, again and again.
    [Fact]
    public async Task A_message_that_is_larger_than_a_client_takes_unless_told_otherwise_is_run_and_ends_nothing()
    {
        await Client.DeclareAsync("large");
        await Client.SendAsync("large", new byte[OwnBroker.LargeMessage]);
        await Client.SendAsync("large", "good");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting("large", "receiver"));
        await using var connector = await Running.StartAsync(gateway, Server.Url, "large");

        // Known by their lengths: as text, one of them is large.
        await gateway.ReceivesAsync(1, call => call.Body.Length == OwnBroker.LargeMessage);
        await gateway.ReceivesAsync(1, call => call.Body.Length == "good".Length);
        await Eventually.HoldsAsync(async () => await connector.MetricAsync("rabbitmq_connector_messages_processed_total{queue=\"large\"}") == 2, "both are acked");
        Assert.Null(await connector.MetricAsync("rabbitmq_connector_failures_total{queue=\"large\",kind=\"unreadable\"}"));
        Assert.Equal(2, gateway.Calls.Count);
        await connector.StopAsync();
        await Client.IsEmptyAsync("large");
    }

    [Fact]
    public async Task The_letter_of_a_message_that_would_not_have_outlasted_its_broker_does_and_others_are_written_behind_it()
    {
        // A broker of its own, for it is killed.
        await using var server = await RabbitMqServer.StartAsync();
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting("transient", "receiver"));
        gateway.Answer = (_, http) =>
        {
            http.Response.StatusCode = StatusCodes.Status400BadRequest;
            return Task.CompletedTask;
        };
        await using var connector = await Running.StartAsync(gateway, server.Url, "transient");
        await using (var client = await BrokerClient.ConnectAsync(server))
        {
            await client.DeclareAsync("transient");
            await client.SendAsync("transient", "never", new BasicProperties { DeliveryMode = DeliveryModes.Transient });
            await Eventually.HoldsAsync(async () => await connector.MetricAsync("rabbitmq_connector_settled_total{queue=\"transient\",end=\"dead_letter\"}") == 1, "it dies");
        }

        await server.KillAsync();
        await server.StartAgainAsync();

        await using var again = await BrokerClient.ConnectAsync(server);
        await again.HoldsAsync("transient.dead", 1);
        await again.SendAsync("transient", "never");
        await again.HoldsAsync("transient.dead", 2);
        Assert.Equal(2, gateway.Calls.Count);
    }

    [Fact]
    public async Task What_waits_for_a_slot_while_its_broker_dies_is_run_once()
    {
        // A broker of its own, for it is killed.
        await using var server = await RabbitMqServer.StartAsync();
        var release = new TaskCompletionSource();
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting("outlived", "receiver"));
        gateway.Answer = (_, _) => release.Task;
        await using var connector = await Running.StartAsync(gateway, server.Url, "outlived", ("max_inflight", "1"));
        await using (var client = await BrokerClient.ConnectAsync(server))
        {
            await client.DeclareAsync("outlived");
            await client.SendAsync("outlived", "slow");
            await gateway.ReceivesAsync(1);
            foreach (var message in new[] { "1", "2", "3" })
            {
                await client.SendAsync("outlived", message);
            }

            await Eventually.HoldsAsync(async () => await ReceivedAsync() == 4, "all are here");
        }

        await server.KillAsync();
        await server.StartAgainAsync();
        await Eventually.HoldsAsync(async () => await ReceivedAsync() >= 8, "all are here again");
        release.SetResult();

        await Eventually.HoldsAsync(async () => await connector.MetricAsync("rabbitmq_connector_messages_processed_total{queue=\"outlived\"}") == 4, "all are acked");
        await connector.StopAsync();
        Assert.Equal(["1", "2", "3", "slow", "slow"], gateway.Calls.Select(call => call.Text).Order(StringComparer.Ordinal));

        async Task<double> ReceivedAsync() => await OfAsync("true") + await OfAsync("false");

        async Task<double> OfAsync(string redelivered) =>
            await connector.MetricAsync($"rabbitmq_connector_received_total{{queue=\"outlived\",redelivered=\"{redelivered}\"}}") ?? 0;
    }

    [Fact]
    public async Task A_queue_that_is_wanted_again_and_again_keeps_one_channel()
    {
        await Client.DeclareAsync("flipped");
        await using var gateway = await GatewayServer.StartAsync();
        await using var connector = await Running.StartAsync(gateway, Server.Url, "flipped");
        for (var i = 0; i < 2 * OwnBroker.MaxChannels; i++)
        {
            gateway.Functions = [ListedFunction.Wanting("flipped", "receiver")];
            await IsConsumedAsync(true);
            await Client.SendAsync("flipped", $"{i}");
            await gateway.ReceivesAsync(i + 1);

            // What is not acked when nobody wants it any more comes again, and would pass for the next.
            await Eventually.HoldsAsync(async () => await connector.MetricAsync("rabbitmq_connector_messages_processed_total{queue=\"flipped\"}") == i + 1, "it is settled");
            gateway.Functions = [];
            await IsConsumedAsync(false);
        }

        Assert.DoesNotContain(connector.Lines, line => line.Contains("Queue not consumed", StringComparison.Ordinal));

        Task IsConsumedAsync(bool isConsumed) => Eventually.HoldsAsync(
            async () => (await Client.CountAsync("flipped"))?.Consumers == (isConsumed ? 1u : 0u),
            () => $"it is consumed: {isConsumed}; the connector says\n{string.Join('\n', connector.Lines.TakeLast(10))}");
    }

    [Fact]
    public async Task What_is_held_is_told_though_the_queue_is_consumed_no_longer()
    {
        await Client.DeclareAsync("held");
        var release = new TaskCompletionSource();
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting("held", "receiver"));
        gateway.Answer = (_, _) => release.Task;
        await using var connector = await Running.StartAsync(gateway, Server.Url, "held");
        await Client.SendAsync("held", "hello");
        await Eventually.HoldsAsync(async () => await HeldAsync() is (1, > 0), "it is held");

        gateway.Functions = [];
        await Eventually.HoldsAsync(async () => (await Client.CountAsync("held"))?.Consumers == 0, "the queue is not consumed");
        release.SetResult();

        await Eventually.HoldsAsync(async () => await HeldAsync() is (0, 0), "nothing is held");

        async Task<(double?, double?)> HeldAsync() =>
            (await connector.MetricAsync("rabbitmq_connector_in_flight_messages{queue=\"held\"}"), await connector.MetricAsync("rabbitmq_connector_oldest_message_age_seconds{queue=\"held\"}"));
    }
}

/// <summary>A broker that lacks memory at times, is paused, takes large messages, and whose connections may have few channels and large frames.</summary>
public sealed class OwnBroker : IAsyncLifetime
{
    public const int MaxChannels = 4;

    /// <summary>A byte more than the client takes unless told otherwise.</summary>
    public const int LargeMessage = (int)ConnectionFactory.DefaultMaxInboundMessageBodySize + 1;

    public RabbitMqServer Server { get; private set; } = null!; // set before the first test

    public BrokerClient Client { get; private set; } = null!; // set before the first test

    public async ValueTask InitializeAsync()
    {
        Server = await RabbitMqServer.StartAsync($"channel_max = {MaxChannels}", "frame_max = 524288", $"max_message_size = {2 * LargeMessage}");
        Client = await BrokerClient.ConnectAsync(Server);
    }

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync();
        await Server.DisposeAsync();
    }
}
