using System.Collections.Concurrent;
using System.Globalization;
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
    private readonly KeptLog _log;
    private bool _isStopped;

    private RunningConnector(WebApplication app, KeptLog log) => (_app, _log) = (app, log);

    /// <summary>What it logged so far: each entry's message, and then its fields as <c>name=value</c>.</summary>
    public IReadOnlyCollection<string> Lines => _log.Lines;

    /// <summary>Its services.</summary>
    public IServiceProvider Services => _app.Services;

    /// <summary>The address of <c>/metrics</c>, <c>/healthz</c> and <c>/readyz</c>.</summary>
    public Uri Metrics => new(_app.Urls.Single());

    /// <summary>Options of a connector at a gateway: quick to notice changes, and as patient as a test with a machine that is slow to list functions.</summary>
    public static ConnectorOptions Options(Uri gateway) => new()
    {
        GatewayUrl = gateway,
        RebuildInterval = TimeSpan.FromMilliseconds(50),
        RebuildTimeout = Eventually.Patience,
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
        var log = new KeptLog();
        builder.Logging.ClearProviders().AddProvider(log);
        register(builder);
        var app = builder.Build();
        app.MapSystemEndpoints();
        await app.StartAsync();
        return new RunningConnector(app, log);
    }

    /// <summary>Waits until it has logged these words.</summary>
    public Task SaysAsync(string words) => Eventually.HoldsAsync(
        () => Lines.Any(line => line.Contains(words, StringComparison.Ordinal)), () => $"the log says {words}; it says\n{string.Join('\n', Lines.TakeLast(30))}");

    /// <summary>Waits until <c>/readyz</c> answers 200.</summary>
    public Task IsReadyAsync() => Eventually.HoldsAsync(async () => (await Http.GetAsync(new Uri(Metrics, "/readyz"))).IsSuccessStatusCode, "the connector is ready");

    /// <summary>
    /// The value of a metric's sample, labels as exposed; null if there is none. Connectors of one test process share their metrics: labels have to be the
    /// test's own.
    /// </summary>
    public async Task<double?> MetricAsync(string sample)
    {
        var text = await Http.GetStringAsync(new Uri(Metrics, "/metrics"));
        return text.Split('\n').FirstOrDefault(line => line.StartsWith(sample + " ", StringComparison.Ordinal)) is { } found
            ? double.Parse(found.Split(' ')[^1], CultureInfo.InvariantCulture)
            : null;
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
        _log.Dispose();
    }

    private static HttpClient Http { get; } = new(new SocketsHttpHandler());

    private sealed class KeptLog : ILoggerProvider, ILogger
    {
        private readonly ConcurrentQueue<string> _lines = new();

        public IReadOnlyCollection<string> Lines => _lines;

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            var fields = (state as IReadOnlyList<KeyValuePair<string, object?>> ?? []).Where(f => f.Key != "{OriginalFormat}").Select(f => $" {f.Key}={f.Value}");
            _lines.Enqueue($"{formatter(state, exception)}{string.Concat(fields)}");
        }

        public void Dispose()
        {
        }
    }
}
