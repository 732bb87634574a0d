using Connectors.Sdk.Hosting;
using Connectors.Sdk.Topics;
using Connectors.Sqs.Queues;
using Connectors.Sqs.Receiving;
using Connectors.Sqs.Settling;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Connectors.Sqs;

/// <summary>What stands between the queues and the pump.</summary>
internal static class SqsHosting
{
    /// <summary>Adds, for each queue, what reads it, settles its messages and tells how it is.</summary>
    public static WebApplicationBuilder AddSqs(this WebApplicationBuilder builder, SqsOptions options)
    {
        builder.Services
            .AddSingleton(options)
            .AddSingleton<IReadOnlyList<QueueReader>>(services => [.. options.Queues.Select(address => Reader(address, options, services))])
            .AddDuty<QueueLook>("queue look");
        return builder;
    }

    private static QueueReader Reader(QueueAddress address, SqsOptions options, IServiceProvider services)
    {
        var (time, random) = (services.GetRequiredService<TimeProvider>(), services.GetRequiredService<Random>());
        var settler = new Settler(new Queue(address, options, time), options, time, random, services.GetRequiredService<ILogger<Settler>>());
        var watch = new QueueWatch(
            address, services.GetRequiredService<LatestTopicMap>(), services.GetRequiredService<Readiness>(), services.GetRequiredService<ILogger<QueueWatch>>());
        return new QueueReader(settler, watch, options, time, random);
    }
}
