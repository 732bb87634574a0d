using Connectors.Streams.Nats;
using Connectors.Testing;

namespace Connectors.Streams.Tests.Nats;

/// <summary>Tests each of which has a nats-server of its own, and a link to it.</summary>
public abstract class OwnServerTests : IAsyncLifetime
{
    private TestLink _link = null!;

    protected static CancellationToken Ct => TestContext.Current.CancellationToken;

    protected NatsServer Server { get; private set; } = null!;

    protected NatsLink Link => _link.Link;

    public virtual async ValueTask InitializeAsync()
    {
        Server = await NatsServer.StartAsync();
        _link = await TestLink.OpenAsync(Server);
    }

    public async ValueTask DisposeAsync()
    {
        await _link.DisposeAsync();
        await Server.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}
