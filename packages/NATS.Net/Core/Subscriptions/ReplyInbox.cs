using System.Collections.Concurrent;
using System.Globalization;

namespace NATS.Client.Core;

/// <summary>The one subscription through which the replies to all requests come; the subject's last token says which request is meant.</summary>
internal sealed class ReplyInbox : NatsSubBase
{
    /// <summary>How often overdue requests are looked for; a request's time is precise to this.</summary>
    private static readonly TimeSpan SweepEvery = TimeSpan.FromMilliseconds(25);

    private readonly ConcurrentDictionary<long, PendingReply> _pending = new();
    private readonly string _prefix;
    private readonly Timer _sweep;
    private int _sweeping;
    private long _lastId;
    private volatile Exception? _closed;

    public ReplyInbox(NatsConnection connection, string prefix)
        : base(connection, $"{prefix}.*", queueGroup: null, opts: null)
    {
        _prefix = prefix + ".";
        _sweep = new Timer(static inbox => ((ReplyInbox)inbox!).Sweep(), this, Timeout.Infinite, Timeout.Infinite);
    }

    public PendingReply<T> Expect<T>(INatsDeserialize<T> deserializer, bool throwIfNoResponders)
    {
        var id = Interlocked.Increment(ref _lastId);
        var subject = string.Create(CultureInfo.InvariantCulture, $"{_prefix}{id}");
        var pending = new PendingReply<T>(id, subject, Connection, deserializer, throwIfNoResponders);
        _pending[id] = pending;
        if (_closed is { } reason)
            pending.Fail(reason);
        if (Interlocked.Exchange(ref _sweeping, 1) == 0)
            _sweep.Change(SweepEvery, Timeout.InfiniteTimeSpan);
        return pending;
    }

    public void Forget(PendingReply pending) => _pending.TryRemove(pending.Id, out _);

    public override ValueTask DisposeAsync()
    {
        _sweep.Dispose();
        return base.DisposeAsync();
    }

    internal override ValueTask Deliver(in WireMessage message)
    {
        var token = message.Subject.AsSpan(_prefix.Length);
        if (long.TryParse(token, NumberStyles.None, CultureInfo.InvariantCulture, out var id) && _pending.TryRemove(id, out var pending))
            pending.Receive(message);
        return default;
    }

    internal override void Complete(Exception? exception)
    {
        _closed = exception ?? new ObjectDisposedException(nameof(NatsConnection));
        FailPending(_closed);
    }

    internal void FailPending(Exception exception)
    {
        foreach (var pending in _pending.Values)
            pending.Fail(exception);
    }

    private void Sweep()
    {
        var now = Environment.TickCount64;
        foreach (var (id, pending) in _pending)
        {
            if (pending.IsOverdue(now) && _pending.TryRemove(id, out _))
                pending.Fail(new NatsNoReplyException());
        }

        Volatile.Write(ref _sweeping, 0);
        if (!_pending.IsEmpty && Interlocked.Exchange(ref _sweeping, 1) == 0)
            _sweep.Change(SweepEvery, Timeout.InfiniteTimeSpan);
    }
}
