using System.Net;
using System.Net.Sockets;
using Connectors.Testing;

namespace Connectors.Gateway.Tests;

/// <summary>A nats-server too old to be trusted with calls.</summary>
public sealed class NatsVersionTests
{
    [Fact]
    public async Task An_old_server_is_refused_and_told_while_calls_that_wait_go_on()
    {
        using var old = new TcpListener(IPAddress.Loopback, 0);
        old.Start();
        using var end = new CancellationTokenSource();
        var serving = ServeAsync(old, "2.9.25", end.Token);
        await using var provider = await GatewayServer.StartAsync(new ListedFunction("f", "openfaas-fn", null));
        await using var gateway = await TestGateway.StartUnreadyAsync(
            ("faas_nats_address", "127.0.0.1"),
            ("faas_nats_port", $"{((IPEndPoint)old.LocalEndpoint).Port}"),
            ("functions_provider_url", provider.Url.AbsoluteUri),
            ("nats_publish_timeout", "100ms"));

        await gateway.Process.Process.LineAsync(line => line.Contains("NATS server refused", StringComparison.Ordinal) && line.Contains("2.9.25", StringComparison.Ordinal), "the server is refused");
        using var ready = await gateway.Http.GetAsync(new Uri(gateway.Process.Metrics, "/readyz"));
        using var waiting = await gateway.PostAsync("/function/f", "");
        using var queued = await gateway.PostAsync("/async-function/f", "");

        Assert.Equal(HttpStatusCode.ServiceUnavailable, ready.StatusCode);
        Assert.Contains("set faas_nats_address to another", await ready.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, waiting.StatusCode);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, queued.StatusCode);
        await end.CancelAsync();
        await serving;
    }

    // As much of the protocol as a client needs to think that it is connected.
    private static async Task ServeAsync(TcpListener listener, string version, CancellationToken ct)
    {
        var clients = new List<Task>();
        try
        {
            while (true)
            {
                clients.Add(TalkAsync(await listener.AcceptTcpClientAsync(ct), version, ct));
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(clients);
        }
    }

    private static async Task TalkAsync(TcpClient client, string version, CancellationToken ct)
    {
        using (client)
        {
            try
            {
                await using var stream = client.GetStream();
                using var lines = new StreamReader(stream);
                await using var answers = new StreamWriter(stream) { AutoFlush = true, NewLine = "\r\n" };
                await answers.WriteLineAsync($$"""INFO {"server_id":"old","version":"{{version}}","proto":1,"headers":true,"max_payload":1048576,"jetstream":true}""");
                while (await lines.ReadLineAsync(ct) is { } line)
                {
                    if (line == "PING")
                    {
                        await answers.WriteLineAsync("PONG");
                    }
                }
            }
            catch (Exception fault) when (fault is IOException or OperationCanceledException)
            {
                // The client left, or the test is over.
            }
        }
    }
}
