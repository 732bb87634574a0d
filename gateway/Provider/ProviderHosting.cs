using Connectors.Provider.Api;
using Connectors.Provider.Contracts;
using Connectors.Provider.Deploying;
using Connectors.Provider.Isolation;
using Connectors.Provider.Logs;
using Connectors.Provider.State;
using Microsoft.Extensions.DependencyInjection;

namespace Connectors.Provider;

/// <summary>What the embedded provider is made of, in the order in which a deployment meets it.</summary>
public static class ProviderHosting
{
    /// <summary>Adds the embedded provider as <see cref="IProvider"/>, and how to scale its functions as <see cref="ScaleFunction"/>. An <see cref="IFunctionForwarder"/>, an <see cref="InvocationCount"/>, a <see cref="StreamEnd"/> and a clock have to be there.</summary>
    public static void AddEmbeddedProvider(this IServiceCollection services, ProviderOptions options)
    {
        services.AddSingleton(options);
        services.AddSingleton<DeployApi>();
        services.AddSingleton<SecretApi>();
        services.AddSingleton<NamespaceApi>();
        services.AddSingleton<LogApi>();
        services.AddSingleton<EmbeddedRoutes>();
        services.AddSingleton<Claims>();
        services.AddSingleton<Functions>();
        services.AddSingleton<FunctionBuilder>();
        services.AddSingleton<FunctionFiles>();
        services.AddSingleton<FunctionStore>();
        services.AddSingleton<SecretStore>();
        services.AddSingleton<NamespaceStore>();
        services.AddSingleton<Sandboxes>();
        services.AddSingleton<FunctionLogs>();
        services.AddSingleton<IProvider, EmbeddedProvider>();
        services.AddSingleton<ScaleFunction>(all => all.GetRequiredService<Functions>().ScaleAsync);
        services.AddHostedService<EmbeddedStart>();
    }
}
