using Connectors.QueueWorker.Settling;
using Connectors.Streams.Nats;

namespace Connectors.QueueWorker.Consuming;

/// <summary>Takes one batch of a group after the other, each once all of the one before has ended.</summary>
internal sealed class GroupEnd(Slots slots) : IPullListener
{
    private TaskCompletionSource _answered = new();
    private TaskCompletionSource _ended = new();

    // Of what was asked for: what is not answered, what has not ended, and what was delivered.
    private int _unanswered;
    private int _unended;
    private int _delivered;
    private bool _hasMore;

    // Guards what ended calls tell, each on its own thread: when the first comes again, and whether one was refused.
    private readonly Lock _lock = new();
    private TimeSpan? _again;

    public bool MayHaveMore { get; private set; } = true;

    /// <summary>Whether the next message is larger than what was asked for; the next pull asks for more.</summary>
    public bool WasTooSmall => _hasMore && _delivered == 0 && !IsGone;

    public bool IsGone { get; private set; }

    /// <summary>Whether the stream that they come back to did not store one.</summary>
    public bool IsRefused { get; private set; }

    /// <summary>After which time the first comes again of those that were nakked; null if none was.</summary>
    public TimeSpan? Again
    {
        get
        {
            lock (_lock)
            {
                return _again;
            }
        }
    }

    public async Task NextAsync(StreamConsumer consumer, int max, CancellationToken stopping)
    {
        (_answered, _ended) = (new(TaskCreationOptions.RunContinuationsAsynchronously), new(TaskCreationOptions.RunContinuationsAsynchronously));
        var count = slots.TryTake(Math.Min(max, consumer.MaxBatch));
        (_unanswered, _unended, _delivered, _hasMore) = (count, count, 0, false);
        if (count == 0 || !consumer.TryPull(count, waits: false))
        {
            slots.Release(count);
            (MayHaveMore, IsGone) = (false, true);
            return;
        }

        // What is on its way is taken even by a worker that stops.
        await _answered.Task;
        await _ended.Task.WaitAsync(stopping);
        MayHaveMore = !IsGone && !IsRefused && (_hasMore || _delivered == count);
    }

    public void Delivered(Delivery delivery, bool wasAsked, int outstanding)
    {
        if (!wasAsked)
        {
            slots.Nak(delivery);
            return;
        }

        Interlocked.Increment(ref _delivered);
        slots.Start(delivery, Ended);
        Less(ref _unanswered, 1, _answered);
    }

    private void Ended(Handled handled)
    {
        lock (_lock)
        {
            _again = handled.Again < (_again ?? TimeSpan.MaxValue) ? handled.Again : _again;
            IsRefused |= handled.Load == Load.Refused;
        }

        Less(ref _unended, 1, _ended);
    }

    public void Returned(int unused, PullEnd why, int outstanding)
    {
        IsGone |= why == PullEnd.Gone;
        _hasMore |= why == PullEnd.HasMore;
        slots.Release(unused);
        Less(ref _unended, unused, _ended);
        Less(ref _unanswered, unused, _answered);
    }

    private static void Less(ref int count, int by, TaskCompletionSource none)
    {
        if (by > 0 && Interlocked.Add(ref count, -by) == 0)
        {
            none.TrySetResult();
        }
    }
}
