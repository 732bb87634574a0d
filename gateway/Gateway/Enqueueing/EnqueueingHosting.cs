using Connectors.Streams.Nats;

namespace Connectors.Gateway.Enqueueing;

/// <summary>What takes async calls in.</summary>
internal static class EnqueueingHosting
{
    public static void AddEnqueueing(this WebApplicationBuilder builder, GatewayOptions options)
    {
        Metrics.Begin();
        builder.AddNats(options.Queue.Nats, new NatsRole("gateway", IsNeeded: false, Metrics.NatsReconnected));
        builder.Services.AddSingleton<EnvelopeBuilder>();
        builder.Services.AddSingleton<CallStore>();
        builder.Services.AddSingleton<CallQueue>();
        builder.Services.AddSingleton<Cancellations>();
        builder.Services.AddSingleton<CallResults>();
        if (options.Queue.Nats.IsSet)
        {
            builder.Services.AddHostedService<NatsStart>();
        }
    }
}
