using System.Buffers;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using NATS.Client.KeyValueStore;

namespace Connectors.Streams.Nats;

/// <summary>
/// A service's one connection to NATS. It may come late, go and come back. The first connection is made in a loop of our own, which tells why it fails:
/// the client's own loop (<c>RetryOnInitialConnect</c>) swallows refused logins and certificates, and cannot be stopped.
/// </summary>
public sealed class NatsLink : BackgroundService, IAsyncDisposable
{
    /// <summary>The condition of readiness that a usable connection meets.</summary>
    public const string Condition = "nats";

    // What nats-server allows by default.
    private const int DefaultMaxPayload = 1024 * 1024;
    private const int MaxLookups = 24 * 1024 * 1024;
    private const int MaxBatches = 16 * 1024 * 1024;

    private static readonly TimeSpan MinWait = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(2);

    private readonly NatsOptions _options;
    private readonly NatsRole _role;
    private readonly INatsConnection _connection;
    private readonly Readiness _readiness;
    private readonly TimeProvider _time;
    private readonly ILogger<NatsLink> _log;
    private readonly ClientLog _clientLog;
    private volatile TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Signal _disconnected = new();
    private volatile string _trouble = "not connected yet";
    private volatile string? _refusal;
    private volatile bool _isTrusted;
    private long _openedAt;
    private bool _wasOpen;

    /// <summary>Creates the link; it connects when the host starts it.</summary>
    public NatsLink(NatsOptions options, NatsRole role, Readiness readiness, TimeProvider time, ILoggerFactory loggers, Dialer? dialer = null)
        : this(options, role, readiness, time, loggers, new ClientLog(loggers), dialer ?? new Dialer(time), null)
    {
    }

    /// <summary>Creates the link over a connection that is simulated.</summary>
    internal NatsLink(NatsOptions options, NatsRole role, Readiness readiness, TimeProvider time, ILoggerFactory loggers, INatsKVContext simulated)
        : this(options, role, readiness, time, loggers, new ClientLog(loggers), new Dialer(time), simulated)
    {
    }

    private NatsLink(
        NatsOptions options, NatsRole role, Readiness readiness, TimeProvider time, ILoggerFactory loggers, ClientLog clientLog, Dialer dialer, INatsKVContext? simulated)
    {
        (_options, _role, _readiness, _time, _log, _clientLog) = (options, role, readiness, time, loggers.CreateLogger<NatsLink>(), clientLog);
        Buckets = simulated ?? new NatsKVContext(JetStreamOver(Connect(options, role, clientLog, dialer)));
        _connection = JetStream.Connection;
        _connection.ConnectionOpened += (_, _) => OnOpened();
        _connection.ConnectionDisconnected += (_, _) => OnLost();
        if (role.IsNeeded && options.IsSet)
        {
            readiness.Announce(Condition);
        }
    }

    /// <summary>The connection.</summary>
    public INatsConnection Connection => _connection;

    /// <summary>JetStream over the connection.</summary>
    public INatsJSContext JetStream => Buckets.JetStreamContext;

    /// <summary>Key-value buckets over the connection.</summary>
    public INatsKVContext Buckets { get; }

    internal ILogger Logger => _log;

    /// <summary>Whether there is a server, and one that messages may be trusted to.</summary>
    public bool IsOpen => _isTrusted && _connection.ConnectionState == NatsConnectionState.Open;

    /// <summary>For how long the link has been open; null while it is not.</summary>
    public TimeSpan? OpenFor => IsOpen ? _time.GetElapsedTime(Volatile.Read(ref _openedAt)) : null;

    /// <summary>The server's version; empty before the first connection.</summary>
    public string ServerVersion => _connection.ServerInfo?.Version ?? "";

    /// <summary>The largest message in bytes, headers included; what a server allows by default until one was met.</summary>
    public int MaxPayload => _connection.ServerInfo?.MaxPayload ?? DefaultMaxPayload;

    /// <summary>
    /// Room for what is looked up over the connection at once, however many ask: nats-server ends a connection for which more than its <c>max_pending</c> waits
    /// (64 MiB unless set), and everything that was on its way is lost with it. What is pulled has room of its own.
    /// </summary>
    public Room Lookups { get; } = new(MaxLookups);

    /// <summary>The same for what comes many messages, or many names, at a time: whoever looks one message up does not wait for it.</summary>
    public Room Batches { get; } = new(MaxBatches);

    /// <summary>Whether a server was met, so that <see cref="MaxPayload"/> is its own.</summary>
    public bool KnowsServer => _connection.ServerInfo is not null;

    /// <summary>Why the link is not open, in words.</summary>
    public string Trouble => _refusal ?? _trouble;

    /// <summary>Completes when the connection is lost that is there now, or comes next.</summary>
    public Task Disconnected => _disconnected.Next;

    /// <summary>Looks a message of a stream up, on whichever of its servers, without taking it.</summary>
    public Task<NatsMsg<byte[]>> LookUpAsync(INatsJSStream stream, StreamMsgGetRequest request, CancellationToken ct) =>
        Lookups.UseAsync(MaxPayload, () => stream.GetDirectAsync(request, NatsRawSerializer<byte[]>.Default, ct).AsTask(), ct);

    /// <summary>Looks a message of a stream up at its leader, behind which others may lag.</summary>
    /// <exception cref="NatsJSApiException">There is no such message (404), or the leader does not tell.</exception>
    public async Task<StoredMessage> AskLeaderAsync(INatsJSStream stream, StreamMsgGetRequest request, CancellationToken ct)
    {
        // In base64 it is a third larger.
        return (await Lookups.UseAsync(MaxPayload * 4L / 3, () => stream.GetAsync(request, ct).AsTask(), ct)).Message;
    }

    /// <summary>The headers of a message that its leader told of.</summary>
    public NatsHeaders HeadersOf(StoredMessage message)
    {
        var headers = new NatsHeaders();
        if (message.Hdrs is { } encoded)
        {
            Connection.HeaderParser.ParseHeaders(new SequenceReader<byte>(new ReadOnlySequence<byte>(Convert.FromBase64String(encoded))), headers);
        }

        return headers;
    }

    /// <summary>Returns once the link is open.</summary>
    public async Task OpenAsync(CancellationToken ct)
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

    /// <summary>Returns once the link is open.</summary>
    /// <exception cref="NatsException">It is not within <paramref name="patience"/>; the message says why.</exception>
    public async Task OpenAsync(TimeSpan patience, CancellationToken ct)
    {
        using var limit = new TimeLimit(patience, _time, ct);
        try
        {
            await OpenAsync(limit.Token);
        }
        catch (OperationCanceledException) when (limit.IsOver)
        {
            throw new NatsException($"NATS is away: {Trouble}");
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _connection.DisposeAsync();
        Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // A connection that fails at once may not keep the host from starting.
        await Task.Yield();
        var wait = MinWait;
        while (!await TryConnectAsync(stoppingToken))
        {
            await Task.Delay(wait, _time, stoppingToken);
            wait = wait * 2 < MaxWait ? wait * 2 : MaxWait;
        }

        if (_role.IsNeeded && NatsServerVersion.Refusal(ServerVersion, _options.HostOption) is { } refusal)
        {
            throw new ConfigurationException(refusal);
        }
    }

    private static NatsConnection Connect(NatsOptions options, NatsRole role, ClientLog log, Dialer dialer) => new(new NatsOpts
    {
        // Without a host there is no link, but whoever may need one is built all the same; the client wants an address, and never dials it.
        Url = options.IsSet ? options.Url : NatsOpts.Default.Url,
        AuthOpts = options.Access.Auth,
        TlsOpts = options.Access.TlsOpts,
        Name = role.Name,
        LoggerFactory = log,
        SocketConnectionFactory = new ServerDialer(dialer),
        ConnectTimeout = TimeSpan.FromSeconds(2),
        PingInterval = TimeSpan.FromSeconds(10),
        ReconnectWaitMin = MinWait,
        ReconnectWaitMax = MaxWait,

        // A client that gives up leaves subscriptions and pulls waiting for ever; it gives up after so many tries, or after two equal refusals of a login.
        MaxReconnectRetry = -1,
        IgnoreAuthErrorAbort = true,

        // Acks and naks of a lost connection are worth little: the lease ends before long, and the envelope knows the rest.
        PublishTimeoutOnDisconnected = true,

        // RequestReplyMode stays unset: once it is set, whichever to, a request that nobody serves no longer fails at once.
    });

    // A list that was given up is not one that has come to its end.
    private static NatsJSContext JetStreamOver(NatsConnection connection) => new(connection, new NatsJSOpts(connection.Opts) { ThrowOnListCancellation = true });

    private async Task<bool> TryConnectAsync(CancellationToken stopping)
    {
        try
        {
            await _connection.ConnectAsync().AsTask().WaitAsync(stopping);
            return true;
        }
        catch (Exception fault)
        {
            // It may fail in the very moment of a stop.
            stopping.ThrowIfCancellationRequested();

            // Why no address could be connected to, the client only logs.
            var trouble = fault.InnerException is null && _clientLog.Last.Length > 0 ? $"{fault.Message}: {_clientLog.Last}" : ClientLog.Causes(fault);
            if (trouble != _trouble)
            {
                _trouble = trouble;
                Log.NatsUnreachable(_log, _options.Url, trouble);
                LoseReadiness();
            }

            return false;
        }
    }

    private ValueTask OnOpened()
    {
        if (_wasOpen)
        {
            _role.OnReconnect();
        }

        _wasOpen = true;

        // Known only now, and with each connection anew: it may lead to another server of the cluster.
        _refusal = NatsServerVersion.Refusal(ServerVersion, _options.HostOption);
        if (_refusal is { } refusal)
        {
            _readiness.Lost(Condition, refusal);
            Log.NatsRefused(_log, refusal);
            return ValueTask.CompletedTask;
        }

        if (NatsServerVersion.Warning(ServerVersion) is { } warning)
        {
            Log.NatsOld(_log, ServerVersion, warning);
        }

        Volatile.Write(ref _openedAt, _time.GetTimestamp());
        _isTrusted = true;
        _clientLog.Forget();
        _readiness.Met(Condition);
        Log.NatsOpened(_log, _options.Url, ServerVersion);
        Interlocked.Exchange(ref _opened, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
        return ValueTask.CompletedTask;
    }

    private ValueTask OnLost()
    {
        _isTrusted = false;
        _trouble = "the connection is lost";
        _disconnected.Set();
        Log.NatsLost(_log, _options.Url);
        LoseReadiness();
        return ValueTask.CompletedTask;
    }

    private void LoseReadiness()
    {
        if (_role.IsNeeded)
        {
            _readiness.Lost(Condition, _trouble);
        }
    }
}

/// <summary>What a service is to NATS, and NATS to it.</summary>
/// <param name="Name">The connection's name, which the server shows.</param>
/// <param name="IsNeeded">Whether the service is nothing without NATS: it is not ready before it is connected, and ends if the server is too old.</param>
/// <param name="OnReconnect">Called for every connection after the first.</param>
public sealed record NatsRole(string Name, bool IsNeeded, Action OnReconnect);
