using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Connectors.Streams.Nats;

/// <summary>Adds a service's connection to NATS.</summary>
public static class NatsHosting
{
    /// <summary>Adds the link, the publisher over it and what looks after streams; the link connects if a server is named.</summary>
    public static WebApplicationBuilder AddNats(this WebApplicationBuilder builder, NatsOptions options, NatsRole role)
    {
        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton(role);
        builder.Services.AddSingleton<NatsLink>();
        builder.Services.AddSingleton<StreamPublisher>();
        builder.Services.AddSingleton<StreamSetup>();
        builder.Services.AddSingleton<ConsumerSetup>();
        builder.Services.AddSingleton<PullInbox>();
        if (options.IsSet)
        {
            builder.Services.AddHostedService(services => services.GetRequiredService<NatsLink>());
        }

        return builder;
    }
}
