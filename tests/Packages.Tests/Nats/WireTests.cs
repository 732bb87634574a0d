using System.Net;
using System.Net.Sockets;
using System.Text;
using Connectors.Testing;
using NATS.Client.Core;

namespace Connectors.Packages.Tests.Nats;

public sealed class WireTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(64)]
    public async Task It_does_not_matter_where_the_stream_is_cut(int pieces)
    {
        await using var server = await NatsServer.StartAsync();
        await using var wire = new TricklingWire(server.Port, pieces);
        await using var nats = new NatsConnection(new NatsOpts { Url = wire.Url, ConnectTimeout = TimeSpan.FromSeconds(30) });
        await using var sub = await nats.SubscribeCoreAsync<string>("a.*");

        for (var i = 0; i < 50; i++)
        {
            await nats.PublishAsync($"a.{i}", new string('\r', i) + "\n", i % 2 == 0 ? null : new NatsHeaders { ["N"] = $"{i}" }, replyTo: i % 3 == 0 ? "r" : null);
        }

        for (var i = 0; i < 50; i++)
        {
            var msg = await sub.Msgs.ReadAsync();
            Assert.Equal(($"a.{i}", new string('\r', i) + "\n", i % 3 == 0 ? "r" : null), (msg.Subject, msg.Data, msg.ReplyTo));
            Assert.Equal(i % 2 == 0 ? null : $"{i}", msg.Headers?["N"].ToString());
        }

        Assert.True(await nats.PingAsync() > TimeSpan.Zero);
    }

    [Theory]
    [InlineData("HTTP/1.1 400 Bad Request\r\n\r\n")]
    [InlineData("")]
    [InlineData("INFO {\r\n")]
    public async Task What_is_not_a_nats_server_is_a_failed_connection(string greeting)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var serving = Task.Run(async () =>
        {
            using var client = await listener.AcceptTcpClientAsync();
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(greeting));
        });
        await using var nats = new NatsConnection(new NatsOpts { Url = $"nats://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}" });

        await Assert.ThrowsAsync<NatsException>(async () => await nats.ConnectAsync());
        await serving;
    }

    [Fact]
    public async Task A_server_that_is_mute_is_given_up_after_the_connect_timeout()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        await using var nats = new NatsConnection(new NatsOpts
        {
            Url = $"nats://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}",
            ConnectTimeout = TimeSpan.FromMilliseconds(200),
        });

        await Assert.ThrowsAsync<NatsException>(async () => await nats.ConnectAsync());
    }

    [Theory]
    [InlineData("GARBAGE\r\n")]
    [InlineData("MSG a\r\n")]
    [InlineData("MSG a 1 x\r\n")]
    [InlineData("HMSG a 1 99 5\r\n")]
    [InlineData("MSG a 1 -5\r\n")]
    public async Task A_server_that_talks_nonsense_is_left(string nonsense)
    {
        await using var real = await NatsServer.StartAsync();
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var serving = Task.Run(async () =>
        {
            using var client = await listener.AcceptTcpClientAsync();
            var stream = client.GetStream();
            await stream.WriteAsync("INFO {\"server_id\":\"x\",\"max_payload\":1000,\"headers\":true}\r\n"u8.ToArray());
            var received = new StringBuilder();
            var buffer = new byte[4096];
            while (!received.ToString().Contains("PING\r\n", StringComparison.Ordinal))
            {
                received.Append(Encoding.ASCII.GetString(buffer, 0, await stream.ReadAsync(buffer)));
            }

            await stream.WriteAsync(Encoding.ASCII.GetBytes($"PONG\r\n{nonsense}"));
            while (await stream.ReadAsync(buffer) > 0)
            {
                // Until the client has left.
            }
        });
        await using var nats = new NatsConnection(new NatsOpts
        {
            Url = $"nats://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port},{real.Url}",
            NoRandomize = true,
        });

        await nats.ConnectAsync();

        await Eventually.HoldsAsync(() => nats.ServerInfo?.Port == real.Port && nats.ConnectionState == NatsConnectionState.Open, "the real server is taken");
        await serving;
    }
}
