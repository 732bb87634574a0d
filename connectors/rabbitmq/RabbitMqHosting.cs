using Connectors.RabbitMq.Broker;
using Connectors.RabbitMq.Consuming;
using Connectors.RabbitMq.Settling;
using Connectors.Sdk;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Sdk.Topics;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Connectors.RabbitMq;

internal static class RabbitMqHosting
{
    /// <summary>Adds what consumes each queue, what settles its messages, and the source that they make together.</summary>
    public static WebApplicationBuilder AddRabbitMq(this WebApplicationBuilder builder, RabbitMqOptions options)
    {
        builder.Services
            .AddSingleton(options)
            .AddSingleton(options.Failure.Retry) // by which the fan-out knows whose outcome decides
            .AddSingleton<Dialer>()
            .AddSingleton<BrokerDialer>()
            .AddSingleton<BrokerWriter>()
            .AddSingleton<DeadLetters>()
            .AddSingleton<Settler>()
            .AddSingleton<IReadOnlyList<QueueConsumer>>(services => [.. options.Queues.Select(queue => new QueueConsumer(
                queue,
                options,
                services.GetRequiredService<BrokerDialer>(),
                services.GetRequiredService<Settler>(),
                new QueueWatch(
                    queue.Name,
                    services.GetRequiredService<LatestTopicMap>(),
                    services.GetRequiredService<Readiness>(),
                    services.GetRequiredService<TimeProvider>(),
                    services.GetRequiredService<ILogger<QueueWatch>>()),
                services.GetRequiredService<TimeProvider>(),
                services.GetRequiredService<Random>(),
                services.GetRequiredService<ILogger<QueueConsumer>>()))]);
        builder.Services.AddDuty<HeldMessages>("held messages");
        return builder.AddConnector<RabbitMqSource>(options.Connector);
    }
}
