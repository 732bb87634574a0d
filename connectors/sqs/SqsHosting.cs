using Connectors.Sdk.Hosting;
using Connectors.Sdk.Topics;
using Connectors.Sqs.Queues;
using Connectors.Sqs.Receiving;
using Connectors.Sqs.Settling;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Connectors.Sqs;

internal static class SqsHosting
{
    /// <summary>Adds, for each queue and in their order, what settles its messages and what watches it.</summary>
    public static WebApplicationBuilder AddQueues(this WebApplicationBuilder builder, SqsOptions options)
    {
        builder.Services.AddSingleton(options).AddSingleton<IReadOnlyList<Settler>>(services =>
        [
            .. options.Queues.Select(address => new Settler(
                new Queue(address, options, services.GetRequiredService<TimeProvider>()),
                options,
                services.GetRequiredService<TimeProvider>(),
                services.GetRequiredService<ILogger<Settler>>())),
        ]);
        builder.Services.AddSingleton<IReadOnlyList<QueueWatch>>(services =>
        [
            .. options.Queues.Select(address => new QueueWatch(
                address, services.GetRequiredService<LatestTopicMap>(), services.GetRequiredService<Readiness>(), services.GetRequiredService<ILogger<QueueWatch>>())),
        ]);
        return builder;
    }
}
