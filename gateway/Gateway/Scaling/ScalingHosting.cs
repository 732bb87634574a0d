using Connectors.Gateway.Scaling.Keda;
using Connectors.Sdk.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Connectors.Gateway.Scaling;

/// <summary>The embedded provider's functions, scaled here, and the external scaler on a port of its own: HTTP/2 without TLS, as KEDA calls it.</summary>
internal static class ScalingHosting
{
    private const string Route = "/externalscaler.ExternalScaler";

    public static void AddScaling(this WebApplicationBuilder builder, GatewayOptions options)
    {
        var scalesFunctions = options.ProviderUrl is null && options.Queue.Nats.IsSet;
        if (scalesFunctions)
        {
            builder.Services.AddDuty<FunctionScaler>("function scaling");
        }

        if (options.ScalerPort is not { } port)
        {
            return;
        }

        builder.Services.AddGrpc(grpc => grpc.IgnoreUnknownServices = true);
        builder.Services.AddSingleton<QueueScaler>();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(options.Service, port, listener =>
        {
            listener.Protocols = HttpProtocols.Http2;
            listener.Use(next => connection =>
            {
                connection.Features.Set(ScalerListener.Instance);
                return next(connection);
            });
        }));
    }

    /// <summary>The scaler's methods are on its port, and nothing else is.</summary>
    public static void MapScaling(this WebApplication app, GatewayOptions options)
    {
        if (options.ScalerPort is null)
        {
            return;
        }

        app.Use((http, next) =>
        {
            if (http.Features.Get<ScalerListener>() is not null == http.Request.Path.StartsWithSegments(Route))
            {
                return next(http);
            }

            http.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        });
        app.MapGrpcService<QueueScaler>();
    }

    // Marks connections that came in on the scaler's port.
    private sealed class ScalerListener
    {
        public static ScalerListener Instance { get; } = new();
    }
}
