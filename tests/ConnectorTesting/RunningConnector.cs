using Connectors.Sdk.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Connectors.Testing;

/// <summary>A connector inside the test process: the host that its executable would build, with everything real but the process.</summary>
public sealed class RunningConnector : IAsyncDisposable
{
    private readonly WebApplication _app;
    private bool _isStopped;

    private RunningConnector(WebApplication app) => _app = app;

    /// <summary>Its services.</summary>
    public IServiceProvider Services => _app.Services;

    /// <summary>The address of <c>/metrics</c>, <c>/healthz</c> and <c>/readyz</c>.</summary>
    public Uri Metrics => new(_app.Urls.Single());

    /// <summary>Options of a connector at a gateway: quick to notice changes, patient with nothing.</summary>
    public static ConnectorOptions Options(Uri gateway) => new()
    {
        GatewayUrl = gateway,
        RebuildInterval = TimeSpan.FromMilliseconds(50),
        RebuildTimeout = TimeSpan.FromSeconds(5),
        UpstreamTimeout = TimeSpan.FromSeconds(30),
        MaxInflight = 8,
    };

    /// <summary>Starts a connector.</summary>
    /// <param name="register">Adds the connector and its options.</param>
    /// <param name="gracePeriod">How long running events may take to finish on stop; 30 s unless given.</param>
    public static async Task<RunningConnector> StartAsync(Action<WebApplicationBuilder> register, TimeSpan? gracePeriod = null)
    {
        var builder = Service.CreateBuilder(new ServiceOptions
        {
            Name = "test-connector",
            BindAddress = "127.0.0.1",
            MetricsPort = 0,
            GracePeriod = gracePeriod ?? TimeSpan.FromSeconds(30),
            Debug = false,
            LogEncoding = LogEncoding.Console,
            SecretMountPath = AppContext.BaseDirectory,
        });
        builder.Logging.ClearProviders();
        register(builder);
        var app = builder.Build();
        app.MapSystemEndpoints();
        await app.StartAsync();
        return new RunningConnector(app);
    }

    /// <summary>What SIGTERM does: take no more, finish, settle. Returns once all is settled.</summary>
    public async Task StopAsync()
    {
        if (!_isStopped)
        {
            _isStopped = true;
            await _app.StopAsync();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await _app.DisposeAsync();
    }
}
