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

    public static void MapPage(this WebApplication app, GatewayOptions options)
    {
        if (!options.Page.IsOn)
        {
            return;
        }

        var files = app.Services.GetRequiredService<PageFiles>();
        app.MapGet("/", PageFiles.WelcomeAsync);
        app.MapGet("/ui/{**path}", files.AnswerAsync);

        var login = app.Services.GetRequiredService<LoginEndpoints>();
        app.MapGet("/ui/session", login.ShowAsync);
        app.MapPost("/ui/session", login.BeginAsync);
        app.MapDelete("/ui/session", LoginEndpoints.EndAsync);

        var overview = app.Services.GetRequiredService<OverviewEndpoints>();
        app.MapGet("/system/overview", overview.ShowAsync);
        app.MapGet("/system/overview/events", overview.FollowAsync);
        app.MapGet("/system/overview/history", overview.HistoryAsync);
        app.MapGet("/system/overview/acts", overview.ActsAsync);
        app.MapGet("/system/overview/functions", app.Services.GetRequiredService<FunctionEndpoints>().ListAsync);

        var connectors = app.Services.GetRequiredService<ConnectorEndpoints>();
        app.MapPost("/system/connectors", connectors.TakeAsync);
        app.MapGet("/system/connectors", connectors.ListAsync);
    }
}
