using Connectors.Sdk.Hosting;
using Connectors.Streams;
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
    private readonly Readiness _readiness;
    private volatile string? _refusal;
    private bool _wasOpen;

    public NatsLink(QueueOptions options, Readiness readiness, TimeProvider time, ILogger<NatsLink> log)
    {
        _readiness = readiness;
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

    /// <summary>Whether there is a server, and one that calls may be trusted to.</summary>
    public bool IsOpen => _connection.ConnectionState == NatsConnectionState.Open && _refusal is null;

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
            throw new NotStoredException(_refusal ?? "NATS is away");
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
        if (!Trusts(_connection.ServerInfo?.Version ?? "", log))
        {
            return default;
        }

        Interlocked.Exchange(ref _opened, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
        return default;
    }

    // Known only now, and with each connection anew: it may lead to another server of the cluster.
    private bool Trusts(string version, ILogger log)
    {
        try
        {
            if (!NatsServerVersion.IsSound(version, "faas_nats_address"))
            {
                Log.NatsOld(log, version);
            }
        }
        catch (ConfigurationException fault)
        {
            _refusal = fault.Message;
            _readiness.Lost("nats", fault.Message);
            Log.NatsRefused(log, fault.Message);
            return false;
        }

        _refusal = null;
        _readiness.Met("nats");
        Log.NatsOpened(log, version);
        return true;
    }

    private static ValueTask OnClosedAsync(ILogger log)
    {
        Log.NatsClosed(log);
        return default;
    }
}
