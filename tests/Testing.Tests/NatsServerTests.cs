using System.Net.Sockets;

namespace Connectors.Testing.Tests;

public class NatsServerTests
{
    [Fact]
    public async Task Greets_on_its_port_and_again_after_a_kill()
    {
        await using var server = await NatsServer.StartAsync();
        Assert.StartsWith("INFO {", await GreetingAsync(server), StringComparison.Ordinal);

        await server.KillAsync();
        await Assert.ThrowsAsync<SocketException>(() => GreetingAsync(server));
        await server.StartAgainAsync();

        Assert.Contains("\"jetstream\":true", await GreetingAsync(server), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_floor_can_be_asked_for()
    {
        await using var server = await NatsServer.StartAsync(floor: true);

        Assert.Contains("\"version\":\"2.10.", await GreetingAsync(server), StringComparison.Ordinal);
    }

    private static async Task<string> GreetingAsync(NatsServer server)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", server.Port);
        using var reader = new StreamReader(client.GetStream());
        return await reader.ReadLineAsync() ?? "";
    }
}
