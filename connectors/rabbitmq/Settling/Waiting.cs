using System.Threading.Channels;
using Connectors.Sdk.Hosting;

namespace Connectors.RabbitMq.Settling;

/// <summary>
/// The messages of all queues that are to run: those that came, and those that failed and back off, which hold no slot meanwhile. Anyone adds, one
/// takes, until nothing more is to run.
/// </summary>
internal sealed class Waiting(TimeProvider time)
{
    private readonly Channel<(RabbitMqMessage Message, TimeSpan After)> _added = Channel.CreateUnbounded<(RabbitMqMessage, TimeSpan)>();
    private readonly PriorityQueue<RabbitMqMessage, long> _backingOff = new();
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task<bool>? _more;

    /// <summary>Completes once nothing more is to run.</summary>
    public Task Closed => _closed.Task;

    /// <summary>Adds a message, to run after so long. False once nothing more is to run: its queue is to have it back.</summary>
    public bool TryAdd(RabbitMqMessage message, TimeSpan after) => _added.Writer.TryWrite((message, after));

    /// <summary>The next message to run.</summary>
    public async Task<RabbitMqMessage> NextAsync(CancellationToken ct)
    {
        while (true)
        {
            if (_backingOff.TryPeek(out var failed, out var due) && due <= time.GetTimestamp())
            {
                _backingOff.Dequeue();
                return failed;
            }

            if (_added.Reader.TryRead(out var added))
            {
                if (added.After <= TimeSpan.Zero)
                {
                    return added.Message;
                }

                _backingOff.Enqueue(added.Message, time.GetTimestamp() + (long)(added.After.TotalSeconds * time.TimestampFrequency));
                continue;
            }

            await MoreAsync(failed is null ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(Math.Max(0.001, (due - time.GetTimestamp()) / (double)time.TimestampFrequency)), ct);
        }
    }

    /// <summary>Nothing more is to run. Returns what waits and what backs off, for whoever took to give it back.</summary>
    public IReadOnlyList<RabbitMqMessage> Close()
    {
        _added.Writer.Complete();
        var left = _backingOff.UnorderedItems.Select(item => item.Element).ToList();
        _backingOff.Clear();
        while (_added.Reader.TryRead(out var added))
        {
            left.Add(added.Message);
        }

        _closed.SetResult();
        return left;
    }

    private async Task MoreAsync(TimeSpan limit, CancellationToken ct)
    {
        _more ??= _added.Reader.WaitToReadAsync(CancellationToken.None).AsTask();
        if (await Signal.CameAsync(_more, limit, time, ct))
        {
            _more = null;
        }
    }
}
