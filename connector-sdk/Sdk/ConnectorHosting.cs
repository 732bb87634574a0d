using System.Diagnostics.CodeAnalysis;
using Connectors.Sdk.Events;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Sdk.Topics;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Connectors.Sdk;

/// <summary>Makes a service a connector.</summary>
public static class ConnectorHosting
{
    /// <summary>
    /// Adds an event source and everything between it and the gateway: topic map, fan-out, pump. The source is one instance, with what the services
    /// offer in its constructor; <see cref="LatestTopicMap"/>, <see cref="Readiness"/> and <see cref="ConnectorOptions"/> are among it.
    /// </summary>
    public static WebApplicationBuilder AddConnector<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TSource>(this WebApplicationBuilder builder, ConnectorOptions options)
        where TSource : class, IEventSource
    {
        builder.Services
            .AddSingleton(options)
            .AddSingleton<LatestTopicMap>()
            .AddSingleton<FunctionCatalog>()
            .AddDuty<TopicMapRefresher>(TopicMapRefresher.Condition)
            .AddDuty<ConnectorReports>("connector reports")
            .AddSingleton(services => new Invoker(options.GatewayUrl, services.GetRequiredService<ServiceOptions>().Name, services.GetRequiredService<TimeProvider>()))
            .AddSingleton<EventRequest>()
            .AddSingleton<FanOut>()
            .AddSingleton<IEventSource, TSource>()
            .AddSingleton(new Slots(options.MaxInflight))
            .AddSingleton<EventReader>()
            .AddSingleton<EventRunner>()
            .AddDuty<EventPump>("event pump", drains: true);
        return builder;
    }
}
