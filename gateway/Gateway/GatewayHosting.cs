using Connectors.Gateway.Endpoints;
using Connectors.Gateway.Enqueueing;
using Connectors.Gateway.Forwarding;
using Connectors.Gateway.Provider;
using Connectors.Gateway.Provider.Remote;
using Connectors.Gateway.Queues;
using Connectors.Gateway.Security;
using Connectors.Provider;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Connectors.Gateway;

/// <summary>What the gateway is made of, in the order in which a call meets it.</summary>
internal static class GatewayHosting
{
    // As Go's server: the whole block of headers, however many lines.
    private const int MaxHeaderBytes = 1024 * 1024;
    private const int MaxHeaders = 16 * 1024;
    private const int MaxRequestLine = 256 * 1024;

    public static void AddGatewayOptions(this WebApplicationBuilder builder, GatewayOptions options)
    {
        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton(options.Queue);
        builder.WebHost.ConfigureKestrel(kestrel => Limit(kestrel, options));
    }

    public static void AddSecurity(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<SystemGuard>();
        builder.Services.AddHostedService<InitialCredentials>();
    }

    public static void AddProvider(this WebApplicationBuilder builder, GatewayOptions options)
    {
        builder.Services.AddSingleton<UpstreamConnections>();
        builder.Services.AddSingleton<Relay>();
        if (options.ProviderUrl is { } url)
        {
            AddRemote(builder.Services, options, url);
        }
        else
        {
            builder.Services.AddSingleton<IFunctionForwarder>(services => services.GetRequiredService<Relay>());
            builder.Services.AddSingleton<InvocationCount>(Metrics.InvocationsOf);
            builder.Services.AddEmbeddedProvider(options.Embedded);
        }

        builder.Services.AddHostedService<FunctionGauges>();
    }

    public static void AddEnqueueing(this WebApplicationBuilder builder, GatewayOptions options)
    {
        builder.AddNats(options.Queue.Nats, new NatsRole("gateway", IsNeeded: false, Metrics.NatsReconnected));
        builder.Services.AddSingleton<EnvelopeBuilder>();
        builder.Services.AddSingleton<CallStore>();
        builder.Services.AddSingleton<CallQueue>();
        builder.Services.AddSingleton<Cancellations>();
        builder.Services.AddSingleton<CallResults>();
        if (options.Queue.Nats.IsSet)
        {
            builder.Services.AddHostedService<NatsStart>();
        }
    }

    public static void AddQueues(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<QueueOverview>();
        builder.Services.AddSingleton<DeadLetters>();
        builder.Services.AddSingleton<Redriver>();
        builder.Services.AddSingleton<RedriveJobs>();
        builder.Services.AddSingleton<QueueEndpoints>();
        builder.Services.AddSingleton<DeadLetterEndpoints>();
        builder.Services.AddSingleton<RedriveEndpoints>();
        builder.Services.AddHostedService<RedriveRunner>();
        builder.Services.AddHostedService<QueueWatch>();
    }

    public static void AddEndpoints(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<ErrorHandling>();
        builder.Services.AddSingleton<EnqueueEndpoint>();
        builder.Services.AddSingleton<CallEndpoint>();
        builder.Services.AddSingleton<InvokeEndpoint>();
        builder.Services.AddSingleton<RequestCounting>();
    }

    public static void MapGateway(this WebApplication app)
    {
        app.Use((http, next) =>
        {
            ConnectionHeader.Honour(http);
            return next(http);
        });
        var counting = app.Services.GetRequiredService<RequestCounting>();
        app.Use(counting.InvokeAsync);
        var errors = app.Services.GetRequiredService<ErrorHandling>();
        app.Use(errors.InvokeAsync);
        var guard = app.Services.GetRequiredService<SystemGuard>();
        app.Use(guard.InvokeAsync);
        FunctionRoutes.Map(app);
        QueueRoutes.Map(app);
        app.Services.GetRequiredService<IProvider>().MapSystem(app);
    }

    private static void AddRemote(IServiceCollection services, GatewayOptions options, Uri url)
    {
        services.AddSingleton(provider => new ProviderClient(url, provider.GetRequiredService<GatewayCredentials>(), options.DefaultNamespace));
        services.AddSingleton(provider =>
            new RemoteCatalog(provider.GetRequiredService<ProviderClient>(), options.DefaultNamespace, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<ProviderPages>();
        services.AddSingleton<RemoteCounts>();
        services.AddSingleton<RemoteInfo>();
        services.AddSingleton<RemoteSystem>();
        services.AddSingleton<ScaleFromZero>();
        services.AddSingleton<IProvider, RemoteProvider>();
    }

    private static void Limit(KestrelServerOptions kestrel, GatewayOptions options)
    {
        kestrel.Limits.MaxRequestBodySize = null;
        kestrel.Limits.MaxRequestHeadersTotalSize = MaxHeaderBytes;
        kestrel.Limits.MaxRequestHeaderCount = MaxHeaders;
        kestrel.Limits.MaxRequestLineSize = MaxRequestLine;
        kestrel.Limits.RequestHeadersTimeout = options.ReadTimeout;

        // RFC 9112 3.2.2: a whole address as target says which host is meant, whatever the Host header says.
        kestrel.AllowHostHeaderOverride = true;

        // A body may be an event stream that is silent for a while; what bounds it is the call's own limit.
        kestrel.Limits.MinRequestBodyDataRate = null;

        // Header values are bytes: each char up to U+00FF is one, in and out.
        kestrel.RequestHeaderEncodingSelector = ConnectionHeader.EncodingOf;
        kestrel.ResponseHeaderEncodingSelector = _ => System.Text.Encoding.Latin1;
    }
}
