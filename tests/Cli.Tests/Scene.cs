using Connectors.Gateway.Tests;
using Connectors.Gateway.Tests.Queues;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Net;

[assembly: AssemblyFixture(typeof(Connectors.Cli.Tests.Scene))]

namespace Connectors.Cli.Tests;

/// <summary>nats-server and a gateway as processes, and an operator who is logged in with faas-cli. All tests share it: each has queues of its own.</summary>
public sealed class Scene : IAsyncLifetime
{
    private NatsConnection _connection = null!;

    public NatsServer Nats { get; private set; } = null!;

    public TestGateway Gateway { get; private set; } = null!;

    public INatsJSContext JetStream { get; private set; } = null!;

    public Operator Operator { get; } = new();

    public async ValueTask InitializeAsync()
    {
        Nats = await NatsServer.StartAsync();
        Gateway = await TestGateway.StartAsync(Nats);
        _connection = new NatsConnection(StoredCalls.OptionsFor(Nats));
        JetStream = _connection.CreateJetStreamContext();
        Operator.Variables["OPENFAAS_URL"] = Gateway.Api.AbsoluteUri;
        Operator.LogIn(Gateway.Api, "admin", TestGateway.Password);
    }

    public Task<Ran> RunAsync(params string[] arguments) => Operator.RunAsync(arguments);

    /// <summary>A queue of one test's own.</summary>
    public Task<DeadLetterSeed> SeedAsync() => new DeadLetterSeed(JetStream, "q" + Guid.NewGuid().ToString("N")[..8]).CreateAsync();

    public async ValueTask DisposeAsync()
    {
        Operator.Dispose();
        await _connection.DisposeAsync();
        await Gateway.DisposeAsync();
        await Nats.DisposeAsync();
    }
}
