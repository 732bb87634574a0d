using Connectors.Sdk.Hosting;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace Connectors.QueueWorker;

/// <summary>The one connection to the NATS server.</summary>
internal sealed class Broker : IAsyncDisposable
{
    private const string Condition = "nats";

    private readonly Metrics _metrics;
    private readonly Readiness _readiness;
    private int _opened;

    public Broker(QueueWorkerOptions options, Metrics metrics, Readiness readiness, ILoggerFactory loggers)
    {
        _metrics = metrics;
        _readiness = readiness;
        readiness.Announce(Condition);
        Connection = new NatsConnection(new NatsOpts
        {
            Url = options.Nats.Url,
            AuthOpts = options.Nats.Auth,
            TlsOpts = options.Nats.Tls,
            Name = $"queue-worker {options.Queue}",
            LoggerFactory = loggers,
            RetryOnInitialConnect = true,
            MaxReconnectRetry = -1,
            IgnoreAuthErrorAbort = true,
            ReconnectWaitMin = TimeSpan.FromMilliseconds(100),
            ReconnectWaitMax = TimeSpan.FromSeconds(2),
            // Acks and naks of a lost connection are worth little: the lease ends before long, and the envelope knows the rest.
            PublishTimeoutOnDisconnected = true,
        });
        JetStream = new NatsJSContext(Connection);
        Connection.ConnectionOpened += OnOpenedAsync;
        Connection.ConnectionDisconnected += OnLostAsync;
    }

    public NatsConnection Connection { get; }

    public NatsJSContext JetStream { get; }

    /// <summary>The largest message, headers included; what a server allows by default until one was asked.</summary>
    public long MaxPayload => Connection.ServerInfo?.MaxPayload ?? 1 << 20;

    public async ValueTask DisposeAsync()
    {
        Connection.ConnectionOpened -= OnOpenedAsync;
        Connection.ConnectionDisconnected -= OnLostAsync;
        await Connection.DisposeAsync();
    }

    private ValueTask OnOpenedAsync(object? sender, NatsEventArgs args)
    {
        _readiness.Met(Condition);
        if (Interlocked.Increment(ref _opened) > 1)
        {
            _metrics.Reconnects.Inc();
        }

        return ValueTask.CompletedTask;
    }

    private ValueTask OnLostAsync(object? sender, NatsEventArgs args)
    {
        _readiness.Lost(Condition, "not connected");
        return ValueTask.CompletedTask;
    }
}
