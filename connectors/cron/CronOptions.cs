using Connectors.Cron.Schedules;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;

namespace Connectors.Cron;

/// <summary>What an operator may set: the names of OpenFaaS's cron-connector, and ours in the same style. docs/cron.md explains each.</summary>
internal sealed record CronOptions
{
    public required ServiceOptions Service { get; init; }

    public required ConnectorOptions Connector { get; init; }

    /// <summary>The NATS server that replicas share their cursors in; none when there is one replica.</summary>
    public required NatsOptions Nats { get; init; }

    /// <summary>On how many NATS servers the bucket of cursors lies.</summary>
    public required int BucketReplicas { get; init; }

    public required TickPolicy Ticks { get; init; }

    public static CronOptions Read(Settings settings)
    {
        var connector = ConnectorOptions.Read(settings, Defaults);
        var service = ServiceOptions.Read(settings, "cron-connector");
        var options = new CronOptions
        {
            Connector = connector,
            Ticks = TickPolicy.Read(settings, connector.Asynchronous),
            Nats = NatsOptions.Read(
                settings, service.SecretMountPath, "nats_host", "nats_port", "", "Host of the NATS server in which replicas share how far they have come; unset means that there is one replica"),
            BucketReplicas = settings.Number("nats_stream_replicas", 1, "On how many NATS servers the bucket OF_cron lies: 1, 3 or 5; raised, it is brought onto more", 1, 5),
            Service = service,
        };

        if (options.BucketReplicas is 2 or 4)
        {
            settings.Fault("nats_stream_replicas", "1, 3 or 5");
        }

        return options;
    }

    // OpenFaaS's connector waits for a function without end; an hour is what our gateway grants at most.
    private static ConnectorOptions Defaults => new()
    {
        GatewayUrl = new Uri("http://gateway.openfaas:8080"),
        RebuildInterval = TimeSpan.FromSeconds(10),
        UpstreamTimeout = TimeSpan.FromHours(1),
        ContentType = "text/plain",
        MaxInflight = 1000,
    };
}
