using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Testing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Tests.Nats;

/// <summary>A link to a real server, and a publisher over it.</summary>
internal sealed class TestLink : IAsyncDisposable
{
    private TestLink(NatsOptions options, ILoggerFactory loggers, Dialer? dialer)
    {
        Link = new NatsLink(options, new NatsRole("test", IsNeeded: true, () => Reconnects++), Readiness, TimeProvider.System, loggers, dialer);
        Publisher = new StreamPublisher(Link, TimeProvider.System, NullLogger<StreamPublisher>.Instance);
    }

    public NatsLink Link { get; }

    public StreamPublisher Publisher { get; }

    public Readiness Readiness { get; } = new();

    public int Reconnects { get; private set; }

    /// <summary>Starts a link and waits until it is open.</summary>
    public static async Task<TestLink> OpenAsync(NatsServer server, BrokerAccess? access = null)
    {
        var link = await StartAsync(server.Port, access);
        await link.Link.OpenAsync(Eventually.Patience, TestContext.Current.CancellationToken);
        return link;
    }

    /// <summary>Makes a stream on three servers, and deletes it.</summary>
    public static async Task TryReplicasAsync(NatsServer server)
    {
        await using var link = await OpenAsync(server);
        await link.Link.JetStream.CreateStreamAsync(new StreamConfig("TRY", ["try"]) { NumReplicas = 3 }, TestContext.Current.CancellationToken);
        await link.Link.JetStream.DeleteStreamAsync("TRY", TestContext.Current.CancellationToken);
    }

    /// <summary>Starts a link to 127.0.0.1, or to another host.</summary>
    public static async Task<TestLink> StartAsync(int port, BrokerAccess? access = null, ILoggerFactory? loggers = null, string host = "127.0.0.1", Dialer? dialer = null)
    {
        var options = new NatsOptions { Host = host, Port = port, Access = access ?? new BrokerAccess(), HostOption = "nats_host" };
        var link = new TestLink(options, loggers ?? NullLoggerFactory.Instance, dialer);
        await link.Link.StartAsync(TestContext.Current.CancellationToken);
        return link;
    }

    public async ValueTask DisposeAsync()
    {
        await Link.StopAsync(CancellationToken.None);
        await Link.DisposeAsync();
    }
}
