using Connectors.Kafka.Ordering;
using Connectors.Kafka.Settling;
using Connectors.Sdk;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Connectors.Kafka;

/// <summary>What stands between the consumer and the pump.</summary>
internal static class KafkaHosting
{
    public static WebApplicationBuilder AddKafka(this WebApplicationBuilder builder, KafkaOptions options)
    {
        builder.Services
            .AddSingleton(options)
            .AddSingleton(options.Ordering)
            .AddSingleton(options.Failure.Retry) // by which the fan-out knows whose outcome decides
            .AddSingleton<Backlog>()
            .AddSingleton<DeadLetters>()
            .AddSingleton<Settler>();
        return builder.AddConnector<KafkaSource>(options.Connector);
    }
}
