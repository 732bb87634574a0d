using Connectors.Testing;

namespace Connectors.Cron.Tests.Ticking;

/// <summary>A broker for the cursors and a gateway to call, new for each test.</summary>
public abstract class CronTest : IAsyncLifetime
{
    protected NatsServer Nats { get; private set; } = null!; // set before each test

    protected GatewayServer Gateway { get; private set; } = null!; // set before each test

    /// <inheritdoc/>
    public virtual async ValueTask InitializeAsync()
    {
        Nats = await NatsServer.StartAsync();
        Gateway = await GatewayServer.StartAsync();
    }

    /// <inheritdoc/>
    public virtual async ValueTask DisposeAsync()
    {
        await Gateway.DisposeAsync();
        await Nats.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}
