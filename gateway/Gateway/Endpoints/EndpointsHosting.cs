using System.Diagnostics;
using Connectors.Gateway.History;
using Connectors.Gateway.Queues;
using Connectors.Gateway.Security;

namespace Connectors.Gateway.Endpoints;

/// <summary>The gateway's routes, and what every request passes on its way to them.</summary>
internal static class EndpointsHosting
{
    public static void AddEndpoints(this WebApplicationBuilder builder, GatewayOptions options)
    {
        builder.Services.AddSingleton<Draining>();
        builder.Services.AddHostedService(services => services.GetRequiredService<Draining>());
        builder.Services.AddSingleton(services => services.GetRequiredService<Draining>().StreamEnd);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout += options.DrainDelay);
        builder.Services.AddSingleton<RefusedRequests>();
        builder.Services.AddSingleton<ErrorHandling>();
        builder.Services.AddSingleton<BodyTime>();
        builder.Services.AddSingleton<EnqueueEndpoint>();
        builder.Services.AddSingleton<CallEndpoint>();
        builder.Services.AddSingleton<InvokeEndpoint>();
        builder.Services.AddSingleton<RequestCounting>();
    }

    public static void MapGateway(this WebApplication app, IEndpointRouteBuilder routes)
    {
        app.Services.GetRequiredService<RefusedRequests>().ListenTo(app.Services.GetRequiredService<DiagnosticListener>());
        app.Use(app.Services.GetRequiredService<Draining>().InvokeAsync);
        var counting = app.Services.GetRequiredService<RequestCounting>();
        app.Use(counting.InvokeAsync);
        var errors = app.Services.GetRequiredService<ErrorHandling>();
        app.Use(errors.InvokeAsync);
        app.Use(app.Services.GetRequiredService<BodyTime>().InvokeAsync);
        var boundary = app.Services.GetRequiredService<FunctionBoundary>();
        app.Use(boundary.InvokeAsync);
        var guard = app.Services.GetRequiredService<SystemGuard>();
        app.Use(guard.InvokeAsync);
        FunctionRoutes.Map(routes);
        routes.MapHistory();
        QueueRoutes.Map(routes);
        app.Services.GetRequiredService<IProvider>().MapSystem(routes);
    }
}
