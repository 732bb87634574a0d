using Connectors.Testing;

namespace Connectors.Gateway.Tests;

/// <summary>What <c>write_request_uri</c> has the log say of each call.</summary>
public sealed class RequestUriTests
{
    [Fact]
    public async Task Each_call_leaves_its_address_in_the_log_once_at_once_or_through_a_queue()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats, ("write_request_uri", "1"));
        await gateway.DeployAsync("echo", "cat");
        string[] addresses = ["/function/echo/now?a=1", "/async-function/echo/later?b=2", "/function/echo/asked?c=3"];

        using var now = await gateway.PostAsync(addresses[0], "hi");
        using var later = await gateway.PostAsync(addresses[1], "hi");
        using var asked = await gateway.PostAsync(addresses[2], "hi", ("X-Invoke-Mode", "async"));

        Assert.Equal([200, 202, 202], new[] { now, later, asked }.Select(answer => (int)answer.StatusCode));
        foreach (var address in addresses)
        {
            await gateway.Process.Process.LineAsync(line => IsOf(line, address), $"{address} is told");
        }

        Assert.All(addresses, address => Assert.Single(gateway.Process.Log, line => IsOf(line, address)));
    }

    private static bool IsOf(string line, string address) => line.Contains($"\"uri\":\"{address}\"", StringComparison.Ordinal);
}
