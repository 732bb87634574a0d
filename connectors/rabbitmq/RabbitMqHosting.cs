using Connectors.RabbitMq.Broker;
using Connectors.RabbitMq.Consuming;
using Connectors.RabbitMq.Settling;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Sdk.Topics;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Connectors.RabbitMq;

/// <summary>What stands between the queues of a broker and the pump.</summary>
internal static class RabbitMqHosting
{
    /// <summary>Adds, for each queue, what consumes it; and what settles the messages of all.</summary>
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
            .AddSingleton<IReadOnlyList<QueueConsumer>>(services => [.. options.Queues.Select(queue => Consumer(queue, options, services))])
            .AddDuty<HeldMessages>("held messages");
        return builder;
    }

    private static QueueConsumer Consumer(QueueSpec queue, RabbitMqOptions options, IServiceProvider services)
    {
        var (time, random) = (services.GetRequiredService<TimeProvider>(), services.GetRequiredService<Random>());
        var watch = new QueueWatch(
            queue.Name, services.GetRequiredService<LatestTopicMap>(), services.GetRequiredService<Readiness>(), time, services.GetRequiredService<ILogger<QueueWatch>>());
        return new QueueConsumer(
            queue,
            options,
            services.GetRequiredService<BrokerDialer>(),
            services.GetRequiredService<Settler>(),
            watch,
            time,
            random,
            services.GetRequiredService<ILogger<QueueConsumer>>());
    }
}
