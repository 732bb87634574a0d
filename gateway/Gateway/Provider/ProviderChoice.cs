using Connectors.Gateway.Forwarding;
using Connectors.Gateway.Provider.Remote;
using Connectors.Provider;
using Connectors.Sdk.Hosting;

namespace Connectors.Gateway.Provider;

/// <summary>Where functions live: behind the provider that <c>functions_provider_url</c> names, or in this process.</summary>
internal static class ProviderChoice
{
    public static void AddProvider(this WebApplicationBuilder builder, GatewayOptions options)
    {
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

    private static void AddRemote(IServiceCollection services, GatewayOptions options, Uri url)
    {
        services.AddSingleton(provider => new ProviderClient(url, provider.GetRequiredService<GatewayCredentials>(), options.DefaultNamespace));
        services.AddSingleton(provider =>
            new RemoteCatalog(
                provider.GetRequiredService<ProviderClient>(), options.DefaultNamespace, provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<RemoteCatalog>>()));
        services.AddSingleton<ProviderPages>();
        services.AddSingleton<RemoteCounts>();
        services.AddSingleton<RemoteInfo>();
        services.AddSingleton<RemoteSystem>();
        services.AddSingleton<ScaleFromZero>();
        services.AddSingleton<IProvider, RemoteProvider>();
    }
}
