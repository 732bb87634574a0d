using Connectors.Gateway.Enqueueing;
using Connectors.Gateway.Queues;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;

namespace Connectors.Gateway.History;

/// <summary>The history below <c>/system/calls</c> (docs/history.md), what it is searched by, and the cancelling of many waiting calls.</summary>
internal static class HistoryHosting
{
    public static void AddHistory(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<CallIndex>();
        builder.Services.AddSingleton<LiveCalls>();
        builder.Services.AddSingleton<WaitingCalls>();
        builder.Services.AddSingleton<BulkCancelEndpoints>();
        builder.Services.AddSingleton<HistoryReader>();
        builder.Services.AddSingleton<HistoryEndpoints>();
        builder.Services.AddDuty<HistoryFollower>("history");
    }

    public static void MapHistory(this IEndpointRouteBuilder routes)
    {
        var link = routes.ServiceProvider.GetRequiredService<NatsLink>();
        var options = routes.ServiceProvider.GetRequiredService<QueueOptions>();
        var history = routes.ServiceProvider.GetRequiredService<HistoryEndpoints>();
        routes.MapGet("/system/calls", http => QueueRoutes.GuardAsync(http, options, history.ListAsync));
        var cancels = routes.ServiceProvider.GetRequiredService<BulkCancelEndpoints>();
        routes.MapPost("/system/calls/cancellations", http => QueueRoutes.GuardAsync(http, link, options, cancels.CancelAsync));
        routes.MapGet("/system/calls/cancellations/count", http => QueueRoutes.GuardAsync(http, link, options, cancels.CountAsync));
        routes.MapGet("/system/calls/{id}", http => QueueRoutes.GuardAsync(http, options, history.ShowAsync));
    }
}
