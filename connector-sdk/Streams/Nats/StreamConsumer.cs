using Connectors.Sdk.Hosting;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Nats;

/// <summary>
/// One consumer of a stream, and what was asked of it. Pulls may overlap.
/// </summary>
public sealed class StreamConsumer : IDisposable
{
    // Two heartbeats of a pull that waits may be missed.
    private static readonly TimeSpan SilenceTimeout = TimeSpan.FromSeconds(2.5);

    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(2);

    private readonly ConsumerSetup _setup;
    private readonly PullInbox _inbox;
    private readonly string _stream;
    private readonly ConsumerConfig _config;
    private readonly TimeProvider _time;
    private readonly string _subject;

    // Guards what was asked for and may still come, the size that is asked for next, and whether the use of the consumer has ended.
    private readonly Lock _lock = new();
    private readonly OutstandingPulls _pulls = new();
    private IPullListener? _listener;
    private volatile bool _isBound;
    private volatile int _maxBatch = int.MaxValue;
    private volatile int _maxBytes = int.MaxValue;
    private bool _wasBound;
    private bool _hasToldLimit;
    private bool _isDisposed;
    private volatile PullSize _size;
    private bool _wasTooSmall;
    private long _lastId;
    private long _lastHeard;
    private long _lastUse;
    private long _made;
    private long _ackWait;
    private long _lastLook;

    private StreamConsumer(PullInbox inbox, ConsumerSetup setup, string stream, ConsumerConfig config, TimeProvider time)
    {
        (_inbox, _setup, _stream, _config, _time) = (inbox, setup, stream, config, time);
        _subject = $"$JS.API.CONSUMER.MSG.NEXT.{stream}.{config.Name}";
        _ackWait = config.AckWait.Ticks;
        Id = inbox.Add(this);
    }

    /// <summary>The consumer's name.</summary>
    public string Name => _config.Name!;

    /// <summary>Whether the consumer is known to exist. One that lapses by itself is known only for a while after its last use.</summary>
    public bool IsBound => _isBound && (_config.InactiveThreshold == TimeSpan.Zero || _time.GetElapsedTime(_lastUse) < _config.InactiveThreshold / 2);

    /// <summary>Whether the server may keep the consumer, used or not: it was made, and is not known to be gone.</summary>
    public bool MayBeKept => _isBound;

    /// <summary>How many messages may still come of what was asked for.</summary>
    public int Outstanding => _pulls.Total;

    /// <summary>The most that one pull may ask for, by the server's limits or the consumer's own, when it was bound last.</summary>
    public int MaxBatch => _size == PullSize.Unbounded ? 1 : _maxBatch;

    internal int Id { get; }

    /// <summary>Whether several servers hold its stream, and agree on its acks.</summary>
    internal bool IsReplicated => _setup.IsReplicated(_stream);

    /// <summary>When the consumer was made, in ticks.</summary>
    internal long Made => Interlocked.Read(ref _made);

    /// <summary>The lease of what it delivers, when it was looked at last: of those who share it, another may have changed it.</summary>
    internal TimeSpan AckWait => new(Interlocked.Read(ref _ackWait));

    internal string Key => $"{_stream}.{Name}";

    /// <summary>The consumer that all replicas share in a stream: deliveries without end and without ceiling, each to be acked.</summary>
    public static StreamConsumer Shared(PullInbox inbox, ConsumerSetup setup, string stream, string name, string filter, TimeSpan ackWait, TimeProvider time) =>
        new(inbox, setup, stream, ConsumerShape.Shared(name, filter, ackWait), time);

    /// <summary>The consumer of one function: nothing depends on its state, and it is gone by itself when it is no longer used.</summary>
    public static StreamConsumer Lapsing(
        PullInbox inbox, ConsumerSetup setup, string stream, string name, string filter, TimeSpan ackWait, TimeSpan inactiveThreshold, TimeProvider time) =>
        new(inbox, setup, stream, ConsumerShape.Lapsing(name, filter, ackWait, inactiveThreshold), time);

    /// <summary>Whether a subject can be a filter for its own messages alone: it has no wildcard, and is not too long.</summary>
    public static bool CanFilter(string subject) =>
        subject.Length <= ConsumerShape.MaxFilter && (subject.AsSpan().IndexOfAny('*', '>') < 0 || !subject.Split('.').Any(token => token is "*" or ">"));

    /// <summary>Says who is told of messages; once, before the first pull.</summary>
    public void Listen(IPullListener listener) => _listener = listener;

    /// <summary>Makes sure that the consumer exists.</summary>
    public async Task BindAsync(CancellationToken ct)
    {
        Learn((await _setup.EnsureAsync(_stream, _config, !_wasBound, ct)).Info);
        _wasBound = true;
        _lastUse = _time.GetTimestamp();
        _isBound = true;
    }

    /// <summary>
    /// Has the server delete the consumer, if nothing waits in it and nobody is at work on what it delivered: another may need its place more. It is made anew when it
    /// is bound next. False if it is left, or was not there. What is asked of it in that moment by another worker, and delivered, may run twice.
    /// </summary>
    public async Task<bool> TryGiveUpAsync(CancellationToken ct)
    {
        // First: what comes meanwhile is asked of one that is made anew.
        _isBound = false;
        try
        {
            var isGone = await _setup.DeleteIdleAsync(_stream, Name, ct);
            _isBound = !isGone;
            return isGone;
        }
        catch (NatsJSApiException missing) when (missing.IsNotFound())
        {
            // It lapsed by itself.
            return false;
        }
    }

    /// <summary>Asks for messages, and returns at once. False, and nothing is asked, while the consumer is not bound or the connection is lost, and after its use ended.</summary>
    /// <param name="count">How many, at least one and no more than <see cref="MaxBatch"/>.</param>
    /// <param name="waits">Whether to wait for messages if fewer are there; otherwise the pull ends as soon as none is.</param>
    public bool TryPull(int count, bool waits)
    {
        PullRequest pull;
        lock (_lock)
        {
            if (!IsBound || _isDisposed || !_inbox.IsOpen)
            {
                return false;
            }

            _lastUse = _time.GetTimestamp();

            // One that stands there keeps its room for long: only little is asked for so, and what is known to be more is asked for at once.
            waits &= !_wasTooSmall;
            _wasTooSmall = false;
            pull = new PullRequest(++_lastId, count, waits, waits ? PullSize.Ordinary : _size == PullSize.Unbounded && count > 1 ? PullSize.Large : _size);
            _pulls.Add(pull.Id, count);
        }

        _ = SendAsync(pull);
        return true;
    }

    /// <summary>Ends the use of the consumer here. Its messages are no longer told of.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            _pulls.Clear();
        }

        _inbox.Remove(this);
    }

    internal void Deliver(Delivery delivery)
    {
        bool wasAsked;
        int outstanding;
        lock (_lock)
        {
            _lastHeard = _lastUse = _time.GetTimestamp();
            _size = _inbox.Room.SizeFor(delivery.Size);
            wasAsked = _pulls.Take(1) > 0;
            outstanding = _pulls.Total;
        }

        _listener?.Delivered(delivery, wasAsked, outstanding);
    }

    /// <summary>All came that a pull asked for.</summary>
    internal void Completed(long id) => End(id, 0, PullEnd.HasMore);

    /// <summary>The server's word about one pull.</summary>
    /// <param name="id">The pull.</param>
    /// <param name="count">How many it asked for.</param>
    /// <param name="size">How many bytes it asked for.</param>
    /// <param name="code">Its status.</param>
    /// <param name="words">The same in words.</param>
    /// <param name="lacking">What the pull lacks, if it has ended; null if the server does not say.</param>
    internal void Answer(long id, int count, PullSize size, int code, string words, int? lacking)
    {
        if (code == 100)
        {
            Volatile.Write(ref _lastHeard, _time.GetTimestamp());
        }
        else if (code is 404 or 408)
        {
            End(id, lacking, PullEnd.Empty);
        }
        else if (code == 409 && words == "Batch Completed")
        {
            Completed(id);
        }
        else if (code == 409 && words == "Message Size Exceeds MaxBytes")
        {
            lock (_lock)
            {
                _wasTooSmall = true;
                if (lacking == count)
                {
                    _size = size == PullSize.Ordinary ? PullSize.Large : PullSize.Unbounded;
                }
            }

            End(id, lacking, PullEnd.HasMore);
        }
        else if (code == 409 && words.StartsWith("Exceeded ", StringComparison.Ordinal))
        {
            // A limit that was set since: the consumer is to be looked at anew. What else was asked for still comes.
            if (!_hasToldLimit)
            {
                _hasToldLimit = true;
                _inbox.Report(this, words);
            }

            _isBound = false;
            End(id, lacking ?? count, PullEnd.Gone);
        }
        else
        {
            // 409: deleted, another leader, the server stops. 503: nobody is there. Anything else is nothing that we asked for.
            _inbox.Interrupted(this, isDeleted: words == "Consumer Deleted");
            Forget();
        }
    }

    /// <summary>Ends every pull: what was asked will not come, and whether the consumer is there is not known.</summary>
    internal void Forget()
    {
        _isBound = false;
        int unused;
        lock (_lock)
        {
            unused = _pulls.Clear();
        }

        _listener?.Returned(unused, PullEnd.Gone, 0);
    }

    /// <summary>Ends pulls that the server is silent about.</summary>
    internal void Check()
    {
        long? overdue;
        lock (_lock)
        {
            _pulls.ForgetFull(_time.GetTimestamp());
            if (!_pulls.HasSent)
            {
                return;
            }

            // Where there is news of others, only the end of this one was lost.
            var isSilent = _time.GetElapsedTime(_lastHeard) > SilenceTimeout;
            overdue = isSilent ? null : _pulls.Overdue(_time.GetTimestamp());
            if (!isSilent && overdue is null)
            {
                return;
            }
        }

        if (overdue is { } id)
        {
            End(id, null, PullEnd.Empty);
        }
        else
        {
            _inbox.Interrupted(this, isDeleted: false);
            Forget();
        }
    }

    /// <summary>Looks at the consumer, of whose acks some are waited for longer than usual, and sends those again that it can still answer.</summary>
    internal async Task LookAsync()
    {
        var last = Interlocked.Read(ref _lastLook);
        if ((last != 0 && _time.GetElapsedTime(last) < LookInterval) || Interlocked.CompareExchange(ref _lastLook, _time.GetTimestamp(), last) != last)
        {
            return;
        }

        try
        {
            using var limit = new TimeLimit(LookInterval, _time, CancellationToken.None);
            var found = await _setup.FindAsync(_stream, Name, limit.Token);

            // A server that only heard of the consumer answers without.
            if (found.Cluster is { Leader.Length: > 0 } cluster)
            {
                Learn(found);
                await _inbox.LookedAsync(this, found.Created.UtcTicks, Quorum.Follows(cluster) ? found.Delivered.StreamSeq : null);
            }
        }
        catch (NatsJSApiException missing) when (missing.IsNotFound())
        {
            _inbox.GiveUpOthers(this, null);
        }
        catch (Exception fault) when (fault is NatsException or OperationCanceledException)
        {
            // No word, or nobody leads it now. The next look follows.
        }
    }

    private void Learn(ConsumerInfo found)
    {
        _maxBatch = found.Config.MaxBatch > 0 ? found.Config.MaxBatch : int.MaxValue;
        _maxBytes = found.Config.MaxBytes > 0 ? (int)Math.Min(found.Config.MaxBytes, int.MaxValue) : int.MaxValue;
        Interlocked.Exchange(ref _ackWait, found.Config.AckWait.Ticks);
        var made = found.Created.UtcTicks;
        if (Interlocked.Exchange(ref _made, made) != made)
        {
            _inbox.GiveUpOthers(this, made);
        }
    }

    private async Task SendAsync(PullRequest pull)
    {
        try
        {
            var room = _inbox.Room.For(pull.Size);
            var bytes = pull.Waits ? PullRoom.Standing : _inbox.Room.Bytes(pull.Size, pull.Count);
            await room.TakeAsync(bytes);
            lock (_lock)
            {
                var now = _time.GetTimestamp();
                _lastHeard = _pulls.HasSent ? _lastHeard : now;

                // What comes after the end of a connection, or of the subscription, nobody would hear of.
                if (!_inbox.IsOpen
                    || !_pulls.Sent(pull.Id, now + Ticks(SilenceTimeout + (pull.Waits ? PullRequest.Expires : TimeSpan.Zero)), pull.Size != PullSize.Unbounded, () => room.Release(bytes)))
                {
                    room.Release(bytes);
                    return;
                }
            }

            await _inbox.AskAsync(this, _subject, pull.Id, pull.Count, pull.Size, pull.Words(Math.Min(bytes, _maxBytes)));
        }
        catch (Exception fault)
        {
            // Not inside the call that pulled: whoever pulls keeps his books first.
            await Task.Yield();
            _inbox.Report(this, fault);
            Forget();
        }
    }

    private void End(long id, int? lacking, PullEnd why)
    {
        int unused;
        int outstanding;
        lock (_lock)
        {
            _lastHeard = _time.GetTimestamp();
            unused = _pulls.End(id, lacking);
            outstanding = _pulls.Total;
        }

        if (unused > 0)
        {
            _listener?.Returned(unused, why, outstanding);
        }
    }

    private long Ticks(TimeSpan span) => (long)(span.TotalSeconds * _time.TimestampFrequency);
}
