using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Net;

namespace Connectors.Gateway.Enqueueing;

/// <summary>The connection to NATS. It may come late, go and come back: only async calls wait for it.</summary>
internal sealed class NatsLink : IAsyncDisposable
{
    // Body, envelope (32 KiB) and what the worker adds (message id, biography) share the server's max_payload. One KiB less than 48,
    // so that nats-server's default of 1 MiB leaves the million bytes that are our default.
    private const int HeaderRoom = 47 * 1024;

    private readonly NatsConnection _connection;
    private readonly TimeProvider _time;
    private volatile TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _wasOpen;

    public NatsLink(QueueOptions options, TimeProvider time, ILogger<NatsLink> log)
    {
        _time = time;
        _connection = new NatsConnection(new NatsOpts
        {
            Url = options.NatsUrl ?? NatsOpts.Default.Url,
            AuthOpts = NatsAccess.Auth(options.Access),
            TlsOpts = NatsAccess.Tls(options.Access),
            Name = "gateway",
            ConnectTimeout = TimeSpan.FromSeconds(2),
            ReconnectWaitMin = TimeSpan.FromMilliseconds(100),
            ReconnectWaitMax = TimeSpan.FromSeconds(1),
            MaxReconnectRetry = -1,
            RetryOnInitialConnect = true,
            IgnoreAuthErrorAbort = true,
            PingInterval = TimeSpan.FromSeconds(10),
        });
        _connection.ConnectionOpened += (_, _) => OnOpenedAsync(log);
        _connection.ConnectionDisconnected += (_, _) => OnClosedAsync(log);
        JetStream = _connection.CreateJetStreamContext();
    }

    public INatsConnection Connection => _connection;

    public INatsJSContext JetStream { get; }

    public bool IsOpen => _connection.ConnectionState == NatsConnectionState.Open;

    /// <summary>Largest body that a message to this server may have; unlimited until one was met.</summary>
    public int MaxBodyBytes => _connection.ServerInfo is { } server ? Math.Max(0, server.MaxPayload - HeaderRoom) : int.MaxValue;

    public async Task ConnectAsync() => await _connection.ConnectAsync();

    /// <summary>Returns once the connection is open.</summary>
    public async Task WaitOpenAsync(CancellationToken ct)
    {
        while (!IsOpen)
        {
            var opened = _opened;
            if (!IsOpen)
            {
                await opened.Task.WaitAsync(ct);
            }
        }
    }

    /// <summary>Returns once the connection is open, or throws <see cref="NotStoredException"/> after <paramref name="patience"/>.</summary>
    public async Task WaitOpenAsync(TimeSpan patience, CancellationToken ct)
    {
        try
        {
            await WaitOpenAsync(ct).WaitAsync(patience, _time, ct);
        }
        catch (TimeoutException)
        {
            throw new NotStoredException("NATS is away");
        }
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    private ValueTask OnOpenedAsync(ILogger log)
    {
        if (_wasOpen)
        {
            Metrics.NatsReconnected();
        }

        _wasOpen = true;
        Log.NatsOpened(log, _connection.ServerInfo?.Version ?? "");
        Interlocked.Exchange(ref _opened, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
        return default;
    }

    private static ValueTask OnClosedAsync(ILogger log)
    {
        Log.NatsClosed(log);
        return default;
    }
}
