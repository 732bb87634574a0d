using Connectors.Sdk.Hosting;

namespace Connectors.Gateway.Endpoints;

/// <summary>
/// The first step of stopping: not ready, but open. Whoever balances load learns that this gateway goes before its listener closes, and every answer until
/// then closes its connection, so that callers who keep theirs come to another gateway.
/// </summary>
internal sealed class Draining(GatewayOptions options, Readiness readiness, TimeProvider time, ILogger<Draining> log) : IHostedLifecycleService, IDisposable
{
    private readonly CancellationTokenSource _over = new();
    private volatile bool _isOn;

    public StreamEnd StreamEnd => new(_over.Token);

    public Task InvokeAsync(HttpContext http, RequestDelegate next)
    {
        if (_isOn && HttpProtocol.IsHttp11(http.Request.Protocol))
        {
            // Also where another protocol is offered, as some clients do with every request: who begins one says so in its place.
            http.Response.Headers.Connection = "close";
        }

        return next(http);
    }

    /// <summary>Runs before anything else stops.</summary>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        if (options.DrainDelay > TimeSpan.Zero)
        {
            _isOn = true;
            readiness.Lost("draining", "the gateway stops; new connections are served until drain_delay is over");
            Log.Draining(log, options.DrainDelay);
            await Task.Delay(options.DrainDelay, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            Log.Drained(log);
        }

        // What never ends by itself would keep the listener from closing for the whole grace period.
        await _over.CancelAsync();
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => _over.Dispose();
}
