using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.Gateway.History;

/// <summary>
/// Counts calls that wait, within bounds: their streams have no index, each message is read with its body, and nothing is taken from them. A count that comes
/// to a bound tells how far it came.
/// </summary>
internal sealed class WaitingCalls(NatsLink link, TimeProvider time)
{
    private const int MaxMessages = 100_000;
    private const long MaxBytes = 64 * 1024 * 1024;

    // Callers wait for a minute as a rule, the command among them: what was counted reaches them before that.
    private static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(50);

    /// <summary>How many calls a cancellation means that is made now; what runs now is not counted.</summary>
    public async Task<WaitingCount> CountAsync(BulkCancellation filter, CancellationToken ct)
    {
        using var limit = new TimeLimit(MaxTime, time, ct);
        var all = filter.Queue is null ? await StreamList.ReadAsync(link, limit.Token) : null;
        var tally = new Tally();
        try
        {
            foreach (var (queue, name) in (all?.Queues ?? [filter.Queue!]).SelectMany(queue => new[] { (queue, StreamNames.Calls(queue)), (queue, StreamNames.Aside(queue)) }))
            {
                if (all?.Missing.Contains(name) == true)
                {
                    // Nobody tells what lies there.
                    tally.IsComplete = false;
                    continue;
                }

                await CountAsync(queue, name, filter, tally, limit.Token);
            }
        }
        catch (OperationCanceledException) when (limit.IsOver)
        {
            tally.IsComplete = false;
        }

        return new WaitingCount(tally.Count, tally.IsComplete);
    }

    private async Task CountAsync(string queue, string name, BulkCancellation filter, Tally tally, CancellationToken ct)
    {
        if (tally.IsFull || await CallsInStream.OpenAsync(link, name, ct) is not { } calls)
        {
            return;
        }

        tally.IsComplete &= calls.IsReadable;
        var delivered = await calls.DeliveredAsync(ct);
        await foreach (var batch in calls.ReadAsync(calls.First, ct))
        {
            tally.Add(batch, batch.Count(message => message.Call is { } call && filter.Covers(queue, call) && !message.IsRunning(delivered, filter.At)));
            if (tally.IsFull)
            {
                tally.IsComplete = false;
                return;
            }
        }
    }

    /// <summary>How far a count is.</summary>
    private sealed class Tally
    {
        private int _read;
        private long _bytes;

        public long Count { get; private set; }

        public bool IsComplete { get; set; } = true;

        public bool IsFull => _read >= MaxMessages || _bytes >= MaxBytes;

        public void Add(IReadOnlyList<CallInStream> batch, int meant)
        {
            Count += meant;
            _read += batch.Count;
            _bytes += batch.Sum(message => (long)message.Size);
        }
    }
}

/// <summary>How many calls are meant.</summary>
/// <param name="Count">So many.</param>
/// <param name="IsComplete">False if there may be more: not all was looked at, or could be.</param>
internal sealed record WaitingCount(long Count, bool IsComplete);
