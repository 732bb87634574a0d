using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;

namespace Connectors.Gateway.Queues;

/// <summary>The Queues API, its jobs, and the look at queues that nobody consumes.</summary>
internal static class QueuesHosting
{
    public static void AddQueues(this WebApplicationBuilder builder, GatewayOptions options)
    {
        builder.Services.AddSingleton<WorkerReports>();
        if (options.Queue.Nats.IsSet)
        {
            builder.Services.AddDuty<PauseBook>("pauses");
            builder.Services.AddDuty<QueueBacklog>("worker reports");
        }
        else
        {
            builder.Services.AddSingleton<PauseBook>();
            builder.Services.AddSingleton<QueueBacklog>();
        }

        builder.Services.AddSingleton<QueueStreams>();
        builder.Services.AddSingleton<QueueOverview>();
        builder.Services.AddSingleton<QueuePurge>();
        builder.Services.AddSingleton<PauseEndpoints>();
        builder.Services.AddSingleton<DelayedCalls>();
        builder.Services.AddSingleton<DeadLetters>();
        builder.Services.AddSingleton<Redriver>();
        builder.Services.AddSingleton<RedriveJobs>();
        builder.Services.AddSingleton<QueueEndpoints>();
        builder.Services.AddSingleton<DeadLetterEndpoints>();
        builder.Services.AddSingleton<DeadEditEndpoint>();
        builder.Services.AddSingleton<RedriveEndpoints>();
        builder.Services.AddHostedService<RedriveRunner>();
        builder.Services.AddHostedService<QueueWatch>();
    }
}
