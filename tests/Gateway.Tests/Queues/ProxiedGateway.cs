using System.Globalization;
using Connectors.Testing;

namespace Connectors.Gateway.Tests.Queues;

/// <summary>A gateway whose way to its nats-server leads through a proxy that holds, loses or falsifies what a test names; calls are stored past it.</summary>
internal sealed class ProxiedGateway : IAsyncDisposable
{
    private ProxiedGateway(NatsServer nats, NatsProxy proxy, TestGateway gateway) => (Nats, Proxy, Gateway, Stored) = (nats, proxy, gateway, new StoredCalls(nats));

    /// <summary>The server itself.</summary>
    public NatsServer Nats { get; }

    /// <summary>What stands before it.</summary>
    public NatsProxy Proxy { get; }

    /// <summary>The gateway behind the proxy.</summary>
    public TestGateway Gateway { get; }

    /// <summary>The server's streams, past the proxy.</summary>
    public StoredCalls Stored { get; }

    /// <summary>Starts all three.</summary>
    public static async Task<ProxiedGateway> StartAsync(params (string Name, string Value)[] options)
    {
        var nats = await NatsServer.StartAsync();
        var proxy = new NatsProxy(nats.Port);
        return new ProxiedGateway(nats, proxy, await TestGateway.StartAsync(nats, [("faas_nats_port", proxy.Port.ToString(CultureInfo.InvariantCulture)), .. options]));
    }

    public async ValueTask DisposeAsync()
    {
        await Stored.DisposeAsync();
        await Gateway.DisposeAsync();
        await Proxy.DisposeAsync();
        await Nats.DisposeAsync();
    }
}
