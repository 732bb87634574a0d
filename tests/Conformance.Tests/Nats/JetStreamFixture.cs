using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using NATS.Net;

namespace Connectors.Conformance.Tests.Nats;

/// <summary>A server, a connection that reconnects fast, and a stream S with the subjects s.&gt;.</summary>
public abstract class JetStreamFixture : IAsyncLifetime
{
    protected NatsServer Server { get; private set; } = null!;

    protected NatsConnection Nats { get; private set; } = null!;

    protected INatsJSContext Js { get; private set; } = null!;

    protected INatsJSStream Stream { get; private set; } = null!;

    /// <summary>A busy machine may take longer than the client waits by itself.</summary>
    internal static NatsOpts Patient(NatsServer server) => new()
    {
        Url = server.Url,
        ReconnectWaitMin = TimeSpan.FromMilliseconds(50),
        ReconnectWaitMax = TimeSpan.FromMilliseconds(200),
        ConnectTimeout = TimeSpan.FromSeconds(20),
        RequestTimeout = TimeSpan.FromMinutes(1),
    };

    public async ValueTask InitializeAsync()
    {
        Server = await NatsServer.StartAsync();
        Nats = new NatsConnection(Patient(Server));
        Js = Nats.CreateJetStreamContext();
        Stream = await Js.CreateStreamAsync(new StreamConfig("S", ["s.>"]));
    }

    public async ValueTask DisposeAsync()
    {
        await Nats.DisposeAsync();
        await Server.DisposeAsync();
    }

    protected async Task PublishAsync(int count, string subject = "s.a")
    {
        for (var i = 0; i < count; i++)
        {
            (await Js.PublishAsync(subject, i)).EnsureSuccess();
        }
    }

    protected ValueTask<INatsJSConsumer> ConsumerAsync(TimeSpan? ackWait = null) =>
        Js.CreateOrUpdateConsumerAsync("S", new ConsumerConfig("C") { AckWait = ackWait ?? TimeSpan.FromSeconds(30) });
}
