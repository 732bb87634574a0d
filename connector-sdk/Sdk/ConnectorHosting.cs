using System.Diagnostics.CodeAnalysis;
using Connectors.Sdk.Events;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Sdk.Topics;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Connectors.Sdk;

/// <summary>Makes a service a connector.</summary>
public static class ConnectorHosting
{
    /// <summary>
    /// Adds an event source and everything between it and the gateway: topic map, fan-out, pump. The source is one instance, with what the services
    /// offer in its constructor; <see cref="LatestTopicMap"/>, <see cref="Readiness"/> and <see cref="ConnectorOptions"/> are among it. Whoever asks the services for
    /// the source by its own type gets that same one, as <see cref="Duties.AddDuty"/> does. An <see cref="IEventSource"/> among the services is read in its place.
    /// </summary>
    public static WebApplicationBuilder AddConnector<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TSource>(this WebApplicationBuilder builder, ConnectorOptions options)
        where TSource : class, IEventSource
    {
        builder.Services.TryAddSingleton<TSource>();
        builder.Services
            .AddSingleton(options)
            .AddSingleton<LatestTopicMap>()
            .AddSingleton<FunctionCatalog>()
            .AddDuty<TopicMapRefresher>(TopicMapRefresher.Condition)
            .AddDuty<ConnectorReports>("connector reports")
            .AddSingleton(services => new Invoker(options.GatewayUrl, services.GetRequiredService<ServiceOptions>().Name, services.GetRequiredService<TimeProvider>()))
            .AddSingleton<EventRequest>()
            .AddSingleton<FanOut>()
            .AddSingleton(new Slots(options.MaxInflight))
            .AddSingleton(services => ActivatorUtilities.CreateInstance<EventReader>(services, services.GetService<IEventSource>() ?? services.GetRequiredService<TSource>()))
            .AddSingleton<EventRunner>()
            .AddDuty<EventPump>("event pump", drains: true);
        return builder;
    }
}
