using Connectors.Sdk.Hosting;

namespace Connectors.Gateway.Page;

/// <summary>The page that an operator keeps open (docs/page.md), and what it is told of queues and functions beside the Queues API.</summary>
internal static class PageHosting
{
    public static void AddPage(this WebApplicationBuilder builder, GatewayOptions options)
    {
        builder.Services.AddSingleton<PageFiles>();
        builder.Services.AddSingleton<LoginEndpoints>();
        builder.Services.AddSingleton<OverviewEndpoints>();
        builder.Services.AddSingleton<FunctionEndpoints>();
        builder.Services.AddSingleton<ConnectorEndpoints>();
        builder.Services.AddSingleton<LiveQueues>();
        if (options.Page.IsOn && options.Queue.Nats.IsSet)
        {
            builder.Services.AddDuty<LiveQueues>("queue figures");
        }
    }

    public static void MapPage(this IEndpointRouteBuilder routes, GatewayOptions options)
    {
        routes.MapMethods("/", ["GET", "HEAD"], (RequestDelegate)(http => PageFiles.WelcomeAsync(http, options.Page.IsOn)));
        if (!options.Page.IsOn)
        {
            return;
        }

        var files = routes.ServiceProvider.GetRequiredService<PageFiles>();
        routes.MapGet("/ui/{**path}", files.AnswerAsync);

        var login = routes.ServiceProvider.GetRequiredService<LoginEndpoints>();
        routes.MapGet("/ui/session", login.ShowAsync);
        routes.MapPost("/ui/session", login.BeginAsync);
        routes.MapDelete("/ui/session", LoginEndpoints.EndAsync);

        var overview = routes.ServiceProvider.GetRequiredService<OverviewEndpoints>();
        routes.MapGet("/system/overview", overview.ShowAsync);
        routes.MapGet("/system/overview/events", overview.FollowAsync);
        routes.MapGet("/system/overview/history", overview.HistoryAsync);
        routes.MapGet("/system/overview/acts", overview.ActsAsync);
        routes.MapGet("/system/overview/functions", routes.ServiceProvider.GetRequiredService<FunctionEndpoints>().ListAsync);

        var connectors = routes.ServiceProvider.GetRequiredService<ConnectorEndpoints>();
        routes.MapPost("/system/connectors", connectors.TakeAsync);
        routes.MapGet("/system/connectors", connectors.ListAsync);
    }
}
