using Connectors.Kafka.Ordering;
using Connectors.Kafka.Settling;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Connectors.Kafka;

/// <summary>What stands between a consumer group and the pump.</summary>
internal static class KafkaHosting
{
    /// <summary>Adds what holds the records in order, what settles them, and where dead letters go.</summary>
    public static WebApplicationBuilder AddKafka(this WebApplicationBuilder builder, KafkaOptions options)
    {
        builder.Services
            .AddSingleton(options)
            .AddSingleton(options.Ordering)
            .AddSingleton(options.Failure.Retry) // by which the fan-out knows whose outcome decides
            .AddSingleton<Backlog>()
            .AddSingleton<DeadLetters>()
            .AddSingleton<Settler>();
        return builder;
    }
}
