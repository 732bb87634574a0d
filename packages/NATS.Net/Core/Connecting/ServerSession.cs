using System.Collections.Concurrent;
using System.IO.Pipelines;
using Microsoft.Extensions.Logging;

namespace NATS.Client.Core;

/// <summary>One accepted connection to one server, from handshake to loss.</summary>
internal sealed class ServerSession : IAsyncDisposable
{
    /// <summary>How long the last commands may take to leave when the connection is disposed.</summary>
    private static readonly TimeSpan FarewellTime = TimeSpan.FromSeconds(2);

    private readonly Stream _stream;
    private readonly PipeReader _reader;
    private readonly NatsOpts _opts;
    private readonly ILogger _logger;
    private readonly Action<ServerInfo> _onInfo;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource<Exception?> _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentQueue<TaskCompletionSource> _pings = new();
    private int _pingsOut;
    private string? _lastError;
    private Task _sending = Task.CompletedTask;
    private Task _reading = Task.CompletedTask;
    private Task _beating = Task.CompletedTask;

    private ServerSession(ServerUri server, Stream stream, PipeReader reader, ServerInfo info, NatsOpts opts, ILogger logger, Action<ServerInfo> onInfo)
    {
        Server = server;
        Info = info;
        Writer = new CommandWriter(opts);
        _stream = stream;
        _reader = reader;
        _opts = opts;
        _logger = logger;
        _onInfo = onInfo;
    }

    public ServerUri Server { get; }

    public ServerInfo Info { get; private set; }

    public CommandWriter Writer { get; }

    /// <summary>Ends when the connection is lost, with the reason. Never faults.</summary>
    public Task<Exception?> Closed => _closed.Task;

    public static async Task<ServerSession> OpenAsync(ServerUri server, NatsOpts opts, ILogger logger, Action<ServerInfo> onInfo, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(opts.ConnectTimeout);
        try
        {
            var (stream, reader, info) = await Handshake.RunAsync(server, opts, patience.Token).ConfigureAwait(false);
            return new ServerSession(server, stream, reader, info, opts, logger, onInfo);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new NatsException($"{server} did not answer within {opts.ConnectTimeout}");
        }
    }

    public void Start(SubscriptionTable subscriptions)
    {
        var protocol = new ProtocolReader(_reader, subscriptions, this, _opts.SubjectEncoding);
        _sending = Task.Run(() => RunAsync(Writer.SendLoopAsync(_stream, _stop.Token)));
        _reading = Task.Run(() => RunAsync(protocol.ReadLoopAsync(_stop.Token)));
        _beating = Task.Run(() => RunAsync(BeatAsync(_stop.Token)));
    }

    public async Task PingAsync(CancellationToken cancellationToken)
    {
        var pong = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<bool> sent;

        // One at a time, so that the queue has the order of the wire.
        lock (_pings)
        {
            _pings.Enqueue(pong);
            sent = Writer.PingAsync(cancellationToken).AsTask();
        }

        if (!await sent.ConfigureAwait(false) || _closed.Task.IsCompleted)
            throw new NatsException("Connection lost before the server answered the ping");
        await pong.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Sends what is still to be sent, then closes.</summary>
    public async Task CloseAsync()
    {
        Writer.Close();
        await Task.WhenAny(_sending, Task.Delay(FarewellTime)).ConfigureAwait(false);
        await DisposeAsync().ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        End(null);
        await _stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_sending, _reading, _beating).ConfigureAwait(false);
        await _reader.CompleteAsync().ConfigureAwait(false);
        await _stream.DisposeAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    internal void OnPing() => Writer.Pong();

    internal void OnPong()
    {
        Volatile.Write(ref _pingsOut, 0);
        if (_pings.TryDequeue(out var ping))
            ping.TrySetResult();
    }

    internal void OnInfo(ServerInfo info)
    {
        Info = info;
        _onInfo(info);
    }

    internal void OnError(string error)
    {
        _lastError = error;
        Log.ServerError(_logger, Server, error);
    }

    private async Task BeatAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(_opts.PingInterval);
        while (await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false))
        {
            if (Interlocked.Increment(ref _pingsOut) > _opts.MaxPingOut)
                throw new NatsException($"{Server} left {_opts.MaxPingOut} pings unanswered");
            lock (_pings)
            {
                _pings.Enqueue(new TaskCompletionSource());
                var sent = Writer.PingAsync(cancellationToken);
                if (!sent.IsCompleted)
                    _ = sent.AsTask();
            }
        }
    }

    private async Task RunAsync(Task loop)
    {
        Exception? reason = null;
        try
        {
            await loop.ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // We closed it.
        }
        catch (Exception exception)
        {
            reason = exception;
        }

        End(reason);
    }

    private void End(Exception? reason)
    {
        if (_lastError is { } error)
            reason = new NatsServerException(error);
        if (!_closed.TrySetResult(reason))
            return;
        Writer.Close();
        while (_pings.TryDequeue(out var ping))
            ping.TrySetException(new NatsException("Connection lost before the server answered the ping"));
    }
}
