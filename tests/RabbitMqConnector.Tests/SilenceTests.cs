using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Connectors.Sdk.Invocation;
using Connectors.Testing;

namespace Connectors.RabbitMq.Tests;

/// <summary>A broker that does not answer: at an address of its name, at all, or not any more.</summary>
public class SilenceTests(SharedBroker broker)
{
    // As a balancer does whose broker is away: it takes the connection, and says nothing.
    [Theory]
    [InlineData("amqp")]
    [InlineData("amqps")]
    public async Task A_broker_that_never_answers_is_tried_again_and_no_connection_to_it_is_left(string scheme)
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var queue = SharedBroker.Name("silent");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await using var connector = await Running.StartImpatientAsync(gateway, $"{scheme}://127.0.0.1:{PortOf(silent)}", queue, TimeSpan.FromSeconds(1));
        using var first = await silent.AcceptSocketAsync();

        await Eventually.HoldsAsync(
            async () => await connector.MetricAsync($"rabbitmq_connector_failures_total{{queue=\"{queue}\",kind=\"unreachable\"}}") >= 2, "it is tried a second time");

        await ReadToEndAsync(first).WaitAsync(Eventually.Patience);
        await connector.SaysAsync($"{PortOf(silent)}: no answer within 1s");
    }

    [Fact]
    public async Task A_broker_that_never_answers_keeps_no_process_from_its_end()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting("silent-end", "receiver"));
        await using var connector = await ServiceProcess.StartAsync(
            "RabbitMqConnector",
            new Dictionary<string, string>
            {
                ["gateway_url"] = gateway.Url.AbsoluteUri,
                ["rebuild_interval"] = "100ms",
                ["rabbitmq_url"] = $"amqp://127.0.0.1:{PortOf(silent)}",
                ["queues"] = "silent-end",
            },
            ready: false);
        using var first = await silent.AcceptSocketAsync();

        Assert.Equal(0, await connector.TerminateAsync());
    }

    // The first is of nobody: the broker listens at 127.0.0.1 alone.
    [Fact]
    public async Task An_address_of_its_name_behind_which_nobody_is_keeps_the_broker_away_from_no_queue()
    {
        var queue = await broker.CreateAsync("addresses");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        var dialer = new Dialer(TimeProvider.System) { LookUpAsync = (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Parse("127.0.0.2"), IPAddress.Loopback]) };
        var url = $"amqp://broker.test:{broker.Server.Port.ToString(CultureInfo.InvariantCulture)}";
        await using var connector = await Running.StartElsewhereAsync(gateway, url, queue, dialer);

        await broker.Client.SendAsync(queue, "hello");

        await gateway.ReceivesAsync(1);
    }

    // As of a quorum queue most of whose nodes are away, of a broker that is there.
    [Fact]
    public async Task An_answer_that_is_late_is_told_by_what_was_asked_and_costs_no_connection()
    {
        var queue = await broker.CreateAsync("late");
        await using var proxy = new BrokerProxy(broker.Server.Port);
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await using var connector = await Running.StartImpatientAsync(gateway, proxy.Url, queue, TimeSpan.FromSeconds(3));
        await Eventually.HoldsAsync(async () => (await broker.Client.CountAsync(queue))?.Consumers == 1, "it is consumed");
        gateway.Functions = [];
        await Eventually.HoldsAsync(async () => (await broker.Client.CountAsync(queue))?.Consumers == 0, "it is left alone");

        // The answer to its last request is on its way until then.
        await gateway.IsPolledAsync();
        var connections = proxy.Connections;

        proxy.Hush(queue);
        gateway.Functions = [ListedFunction.Wanting(queue, "receiver")];
        await connector.SaysAsync($"kind=timeout error=the broker did not answer queue.declare of {queue} within 3s");
        proxy.Pass();

        await broker.Client.SendAsync(queue, "hello");
        await gateway.ReceivesAsync(1);
        Assert.Equal(connections, proxy.Connections);
    }

    [Fact]
    public async Task A_broker_that_stops_answering_keeps_neither_a_message_nor_the_connectors_end()
    {
        // A broker of its own, for it is paused.
        await using var server = await RabbitMqServer.StartAsync();
        await using var client = await BrokerClient.ConnectAsync(server);
        await client.DeclareAsync("silent");
        var gate = new TaskCompletionSource();
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting("silent", "receiver"));
        var answered = 0;
        gateway.Answer = async (_, http) =>
        {
            await gate.Task.WaitAsync(http.RequestAborted);
            Interlocked.Increment(ref answered);
        };
        await using var connector = await ServiceProcess.StartAsync("RabbitMqConnector", new Dictionary<string, string>
        {
            ["gateway_url"] = gateway.Url.AbsoluteUri,
            ["rebuild_interval"] = "100ms",
            ["rabbitmq_url"] = server.Url,
            ["queues"] = """[{"name":"silent","durable":true}]""",
            ["grace_period"] = "3s",
        });
        await client.SendAsync("silent", "one");
        await gateway.ReceivesAsync(1);

        server.Pause();
        gate.SetResult();
        await Eventually.HoldsAsync(() => Volatile.Read(ref answered) == 1, "the function has answered");
        server.Resume();
        await client.SendAsync("silent", "two");
        await gateway.ReceivesAsync(2);

        // What the broker reads together with the end of a connection it may drop: the acks must have come to the queue before.
        await server.HasNothingAsync();

        server.Pause();
        Assert.Equal(0, await connector.TerminateAsync());
        server.Resume();
        await Eventually.HoldsAsync(async () => await client.CountAsync("silent") is { Messages: 0, Consumers: 0 }, "nothing is left, and nothing came again");
        Assert.Equal(["one", "two"], gateway.Calls.Select(request => request.Text));
    }

    private static string PortOf(TcpListener listener) => ((IPEndPoint)listener.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture);

    private static async Task ReadToEndAsync(Socket socket)
    {
        var buffer = new byte[4096];
        try
        {
            while (await socket.ReceiveAsync(buffer) > 0)
            {
            }
        }
        catch (SocketException end) when (end.SocketErrorCode == SocketError.ConnectionReset)
        {
            // Its other side was given up, which is an end as well.
        }
    }
}
