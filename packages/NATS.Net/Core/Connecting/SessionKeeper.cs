using Microsoft.Extensions.Logging;

namespace NATS.Client.Core;

/// <summary>Keeps one session open: first connect, and a new one, with back-off, whenever the last is lost.</summary>
internal sealed class SessionKeeper(NatsConnection connection, NatsOpts opts, ILogger logger)
{
    private readonly CancellationTokenSource _stop = new();

    // Guards _disposed, _state, _opened and _running.
    private readonly Lock _gate = new();
    private bool _disposed;
    private volatile NatsConnectionState _state = NatsConnectionState.Closed;
    private TaskCompletionSource<ServerSession> _opened = NewWait();
    private Task _running = Task.CompletedTask;
    private volatile ServerSession? _current;

    public NatsConnectionState State => _state;

    /// <summary>The open session, or null while there is none.</summary>
    public ServerSession? Current => _current;

    /// <summary>Greeting of the server that we are, or last were, connected to.</summary>
    public ServerInfo? Info { get; private set; }

    /// <summary>The open session at once, or as soon as there is one. Begins to connect if nobody has.</summary>
    public ValueTask<ServerSession> OpenAsync(CancellationToken cancellationToken) =>
        _current is { } session ? new ValueTask<ServerSession>(session) : new ValueTask<ServerSession>(Wait().WaitAsync(cancellationToken));

    public Task<ServerSession> Wait()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, connection);
            if (_state == NatsConnectionState.Closed)
            {
                _state = NatsConnectionState.Connecting;
                if (_opened.Task.IsCompleted)
                    _opened = NewWait();
                _running = Task.Run(RunAsync);
            }

            return _opened.Task;
        }
    }

    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            if (_disposed)
                return;
            _disposed = true;
            _state = NatsConnectionState.Closed;
            Fail(new ObjectDisposedException(nameof(NatsConnection)));
        }

        if (_current is { } session)
            await session.CloseAsync().ConfigureAwait(false);
        _current = null;
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
    }

    private static TaskCompletionSource<ServerSession> NewWait() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task RunAsync()
    {
        try
        {
            var servers = new ServerPool(opts);
            var session = await FirstAsync(servers).ConfigureAwait(false);
            while (true)
            {
                if (!Opened(session))
                {
                    await session.DisposeAsync().ConfigureAwait(false);
                    return;
                }

                var reason = await session.Closed.ConfigureAwait(false);
                if (!Lost(session, reason))
                    return;
                await session.DisposeAsync().ConfigureAwait(false);
                session = await AgainAsync(servers, session.Server, reason).ConfigureAwait(false);
            }
        }
        catch (Exception exception)
        {
            lock (_gate)
            {
                _state = NatsConnectionState.Closed;
                Fail(exception);
            }

            if (exception is NatsConnectionFailedException)
                connection.Subscriptions.FailAll(exception);
        }
    }

    private async Task<ServerSession> FirstAsync(ServerPool servers)
    {
        Exception? last = null;
        ServerUri? refusedBy = null;
        foreach (var server in servers.Round())
        {
            try
            {
                return await ConnectAsync(servers, server).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                Log.CannotConnect(logger, server, exception.Message);
                last = exception;
                if (exception is NatsServerException)
                    refusedBy = server;
            }
        }

        if (opts.RetryOnInitialConnect)
            return await AgainAsync(servers, lost: null, last).ConfigureAwait(false);
        throw refusedBy is not null
            ? new NatsException($"can not start to connect nats server: {refusedBy}", last!)
            : new NatsException($"can not connect uris: {string.Join(',', servers.Seeds)}", last!);
    }

    private async Task<ServerSession> AgainAsync(ServerPool servers, ServerUri? lost, Exception? reason)
    {
        var lastRefusal = (reason as NatsServerException) is { IsAuthError: true } refusal ? refusal.Error : null;
        for (var round = 1; opts.MaxReconnectRetry < 0 || round <= opts.MaxReconnectRetry; round++)
        {
            // A lost connection is replaced at once if another server, or the same, is there.
            if (round > 1 || lost is null)
                await Task.Delay(BackOff(round), _stop.Token).ConfigureAwait(false);

            foreach (var server in servers.Round(lost))
            {
                try
                {
                    return await ConnectAsync(servers, server).ConfigureAwait(false);
                }
                catch (Exception exception) when (exception is not OperationCanceledException)
                {
                    Log.CannotConnect(logger, server, exception.Message);
                    connection.RaiseReconnectFailed(server.ToString());
                    var authError = (exception as NatsServerException) is { IsAuthError: true } error ? error.Error : null;
                    if (authError is not null && authError == lastRefusal && !opts.IgnoreAuthErrorAbort)
                        throw GaveUp($"the server refused us twice: {authError}");
                    lastRefusal = authError;
                }
            }
        }

        throw GaveUp("Max connect retry exceeded.");
    }

    private NatsConnectionFailedException GaveUp(string reason)
    {
        Log.GaveUp(logger, reason);
        return new NatsConnectionFailedException(reason);
    }

    private async Task<ServerSession> ConnectAsync(ServerPool servers, ServerUri server)
    {
        var session = await ServerSession.OpenAsync(
            server,
            opts,
            logger,
            info =>
            {
                Info = info;
                servers.Learn(info, server.IsTls);
            },
            _stop.Token).ConfigureAwait(false);
        servers.Learn(session.Info, server.IsTls);
        Info = session.Info;
        session.Start(connection.Subscriptions);
        try
        {
            await connection.Subscriptions.RestoreAsync(session.Writer, _stop.Token).ConfigureAwait(false);
            return session;
        }
        catch
        {
            await session.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <returns>False when we were disposed meanwhile.</returns>
    private bool Opened(ServerSession session)
    {
        lock (_gate)
        {
            if (_disposed)
                return false;
            _current = session;
            _state = NatsConnectionState.Open;
            _opened.TrySetResult(session);
        }

        Log.Connected(logger, session.Server, opts.Name);
        connection.RaiseOpened(session.Server.ToString());
        return true;
    }

    /// <returns>False when it was we who closed.</returns>
    private bool Lost(ServerSession session, Exception? reason)
    {
        lock (_gate)
        {
            if (_disposed)
                return false;
            _current = null;
            _state = NatsConnectionState.Reconnecting;
            _opened = NewWait();
        }

        Log.Lost(logger, session.Server, reason?.Message ?? "closed by the server");
        connection.RaiseDisconnected(session.Server.ToString());
        return true;
    }

    private TimeSpan BackOff(int round)
    {
        var doubled = opts.ReconnectWaitMin * Math.Pow(2, Math.Clamp(round - 2, 0, 30));
        var capped = doubled < opts.ReconnectWaitMax ? doubled : opts.ReconnectWaitMax > opts.ReconnectWaitMin ? opts.ReconnectWaitMax : opts.ReconnectWaitMin;
        return capped + (opts.ReconnectJitter * Random.Shared.NextDouble());
    }

    private void Fail(Exception exception)
    {
        _opened.TrySetException(exception);

        // Nobody may be waiting; that is no unobserved failure.
        _ = _opened.Task.Exception;
    }
}
