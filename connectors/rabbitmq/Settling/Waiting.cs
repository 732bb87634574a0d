using Connectors.Sdk.Hosting;

namespace Connectors.RabbitMq.Settling;

/// <summary>
/// The messages of all queues that are to run: those that came, and those that failed and back off, which hold no slot meanwhile. Anyone adds, one
/// takes, until nothing more is to run.
/// </summary>
internal sealed class Waiting(TimeProvider time)
{
    // Guards what follows.
    private readonly Lock _gate = new();
    private readonly Queue<RabbitMqMessage> _fresh = new();
    private readonly PriorityQueue<RabbitMqMessage, long> _backingOff = new();

    private readonly Signal _added = new();
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes once nothing more is to run.</summary>
    public Task Closed => _closed.Task;

    /// <summary>Adds a message, to run after so long. False once nothing more is to run: its queue is to have it back.</summary>
    public bool TryAdd(RabbitMqMessage message, TimeSpan after)
    {
        lock (_gate)
        {
            if (Closed.IsCompleted)
            {
                return false;
            }

            if (after <= TimeSpan.Zero)
            {
                _fresh.Enqueue(message);
            }
            else
            {
                _backingOff.Enqueue(message, time.GetTimestamp() + (long)(after.TotalSeconds * time.TimestampFrequency));
            }
        }

        _added.Set();
        return true;
    }

    /// <summary>The next message to run.</summary>
    public async Task<RabbitMqMessage> NextAsync(CancellationToken ct)
    {
        while (true)
        {
            var added = _added.Next;
            if (TryTake(out var due) is { } message)
            {
                return message;
            }

            await Signal.CameAsync(added, due, time, ct);
        }
    }

    /// <summary>Takes out what was delivered so long ago.</summary>
    public IReadOnlyList<RabbitMqMessage> TakeOld(TimeSpan age)
    {
        lock (_gate)
        {
            // One that grew old between two looks at the clock would be taken out and kept as well.
            var now = time.GetTimestamp();
            var backingOff = _backingOff.UnorderedItems.ToLookup(item => IsOld(item.Element));
            _backingOff.Clear();
            _backingOff.EnqueueRange(backingOff[false]);
            List<RabbitMqMessage> old = [.. backingOff[true].Select(item => item.Element)];
            while (_fresh.TryPeek(out var first) && IsOld(first))
            {
                old.Add(_fresh.Dequeue());
            }

            return old;

            bool IsOld(RabbitMqMessage message) => time.GetElapsedTime(message.ReceivedAt, now) >= age;
        }
    }

    /// <summary>Lets go of what came by channels that have ended: the broker has it again, and sends it once more.</summary>
    public void ForgetLost()
    {
        lock (_gate)
        {
            for (var left = _fresh.Count; left > 0; left--)
            {
                if (_fresh.Dequeue() is { Channel.IsOpen: true } message)
                {
                    _fresh.Enqueue(message);
                }
            }

            var backingOff = _backingOff.UnorderedItems.Where(item => item.Element.Channel.IsOpen).ToList();
            _backingOff.Clear();
            _backingOff.EnqueueRange(backingOff);
        }
    }

    /// <summary>Nothing more is to run. Returns what waits and what backs off, for whoever took to give it back.</summary>
    public IReadOnlyList<RabbitMqMessage> Close()
    {
        lock (_gate)
        {
            _closed.SetResult();
            List<RabbitMqMessage> left = [.. _fresh, .. _backingOff.UnorderedItems.Select(item => item.Element)];
            _fresh.Clear();
            _backingOff.Clear();
            return left;
        }
    }

    // What backed off goes before what came. Null if nothing may run yet, and how long it is until something may.
    private RabbitMqMessage? TryTake(out TimeSpan wait)
    {
        lock (_gate)
        {
            wait = Timeout.InfiniteTimeSpan;
            if (_backingOff.TryPeek(out _, out var due))
            {
                var left = (due - time.GetTimestamp()) / (double)time.TimestampFrequency;
                if (left <= 0)
                {
                    return _backingOff.Dequeue();
                }

                wait = TimeSpan.FromSeconds(Math.Max(0.001, left));
            }

            return _fresh.TryDequeue(out var fresh) ? fresh : null;
        }
    }
}
