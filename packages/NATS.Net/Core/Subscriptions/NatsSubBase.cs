using System.Text;

namespace NATS.Client.Core;

/// <summary>One interest registered at the server; lives through reconnects until it ends or is disposed.</summary>
public abstract class NatsSubBase
{
    private readonly Timer? _timeout;
    private readonly Timer? _silence;
    private readonly TimeSpan? _idleTimeout;
    private int _ended;
    private int _endReason;
    private int _pendingMsgs = -1;
    private string _lastSubject;
    private volatile NatsSubEndReason _silenceReason;
    private CommandWriter? _subscribedOn;

    internal NatsSubBase(NatsConnection connection, string subject, string? queueGroup, NatsSubOpts? opts)
    {
        Connection = connection;
        Subject = subject;
        QueueGroup = queueGroup;
        _lastSubject = subject;
        if (opts is null)
            return;

        if (opts.MaxMsgs is > 0 and { } most)
            _pendingMsgs = most;
        _idleTimeout = opts.IdleTimeout;
        if (opts.Timeout is { } timeout)
            _timeout = new Timer(static sub => ((NatsSubBase)sub!).End(NatsSubEndReason.Timeout), this, timeout, System.Threading.Timeout.InfiniteTimeSpan);
        _silenceReason = opts.StartUpTimeout is null ? NatsSubEndReason.IdleTimeout : NatsSubEndReason.StartUpTimeout;
        if ((opts.StartUpTimeout ?? opts.IdleTimeout) is { } silence)
            _silence = new Timer(static sub => ((NatsSubBase)sub!).End(((NatsSubBase)sub)._silenceReason), this, silence, System.Threading.Timeout.InfiniteTimeSpan);
    }

    public string Subject { get; }

    public string? QueueGroup { get; }

    /// <summary>What ended the subscription, when it was an error.</summary>
    public Exception? Exception { get; private set; }

    /// <summary>Messages until the subscription ends by itself; null: no such limit.</summary>
    public int? PendingMsgs => _pendingMsgs < 0 ? null : _pendingMsgs;

    public NatsSubEndReason EndReason => (NatsSubEndReason)Volatile.Read(ref _endReason);

    internal NatsConnection Connection { get; }

    /// <summary>Set by the table when the subscription is entered.</summary>
    internal int Sid { get; set; }

    internal bool HasEnded => Volatile.Read(ref _ended) != 0;

    public ValueTask UnsubscribeAsync()
    {
        End(NatsSubEndReason.None);
        return default;
    }

    public virtual ValueTask DisposeAsync()
    {
        End(NatsSubEndReason.None);
        _timeout?.Dispose();
        _silence?.Dispose();
        GC.SuppressFinalize(this);
        return default;
    }

    /// <summary>The subject as a string, without a new one when it is the subscription's own or the last one seen.</summary>
    internal string SubjectOf(ReadOnlySpan<byte> bytes, Encoding encoding)
    {
        if (Ascii.Equals(bytes, _lastSubject))
            return _lastSubject;
        if (Ascii.Equals(bytes, Subject))
            return Subject;
        return _lastSubject = encoding.GetString(bytes);
    }

    /// <summary>Called by the reading loop for each message. An unfinished task stops the reading of the whole connection.</summary>
    internal ValueTask ReceiveAsync(in WireMessage message)
    {
        if (HasEnded)
            return default;
        if (_silence is not null)
        {
            _silenceReason = NatsSubEndReason.IdleTimeout;
            _silence.Change(_idleTimeout ?? System.Threading.Timeout.InfiniteTimeSpan, System.Threading.Timeout.InfiniteTimeSpan);
        }

        try
        {
            return Deliver(message);
        }
        catch (Exception exception)
        {
            EndWith(exception);
            return default;
        }
    }

    /// <summary>True once for each session, so that nobody subscribes twice at it.</summary>
    internal bool BeginOn(CommandWriter writer) => Interlocked.Exchange(ref _subscribedOn, writer) != writer;

    /// <summary>Sent right after the subscription itself whenever a session begins.</summary>
    internal virtual ValueTask OnSubscribedAsync(CommandWriter writer, CancellationToken cancellationToken) => default;

    internal void EndWith(Exception exception)
    {
        Exception ??= exception;
        End(NatsSubEndReason.Exception);
    }

    internal void End(NatsSubEndReason reason)
    {
        if (Interlocked.Exchange(ref _ended, 1) != 0)
            return;
        Volatile.Write(ref _endReason, (int)reason);
        _timeout?.Change(System.Threading.Timeout.Infinite, System.Threading.Timeout.Infinite);
        _silence?.Change(System.Threading.Timeout.Infinite, System.Threading.Timeout.Infinite);
        Connection.Subscriptions.Remove(this);
        Complete(Exception);
    }

    internal abstract ValueTask Deliver(in WireMessage message);

    /// <summary>Tells the reader of the messages that there will be no more.</summary>
    internal abstract void Complete(Exception? exception);

    internal void CountDown()
    {
        if (_pendingMsgs >= 0 && Interlocked.Decrement(ref _pendingMsgs) == 0)
            End(NatsSubEndReason.MaxMsgs);
    }
}
