using System.Collections.Concurrent;
using Connectors.Streams.Records;
using NATS.Client.Core;

namespace Connectors.Streams.Nats;

/// <summary>
/// The latest reports of the workers of all queues, or of one. Stored less running less delayed is what waits: so a call of a worker that died waits as soon
/// as its report is out of date, whatever the consumer still counts as delivered, and a queue that nobody serves has only waiting calls.
/// </summary>
public sealed class WorkerReports(NatsLink link, TimeProvider time)
{
    /// <summary>Time between two reports of a worker.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    // Two may be lost.
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(7);

    private static readonly NatsRawSerializer<byte[]> Raw = NatsRawSerializer<byte[]>.Default;

    private readonly ConcurrentDictionary<(string Queue, string Worker), (WorkerReport Report, long At)> _latest = new();

    /// <summary>Publishes a worker's report again and again, until it is cancelled. One that is lost is made up for by the next.</summary>
    public Task TellAsync(string queue, Func<WorkerReport> report, CancellationToken ct) => RepeatAsync(
        () => link.Connection.PublishAsync(StreamNames.Reports(queue), report().Encode(), serializer: Raw, cancellationToken: ct).AsTask(), ct);

    /// <summary>Takes in what the workers of a queue say, or those of every queue with <c>*</c>, until it is cancelled.</summary>
    public Task ListenAsync(string queue, CancellationToken ct) => RepeatAsync(
        async () =>
        {
            await foreach (var message in link.Connection.SubscribeAsync(StreamNames.Reports(queue), serializer: Raw, cancellationToken: ct))
            {
                if (WorkerReport.TryDecode(message.Data) is { } report)
                {
                    Take(message.Subject[StreamNames.Reports("").Length..], report);
                }
            }
        },
        ct);

    /// <summary>Takes a report in.</summary>
    public void Take(string queue, WorkerReport report)
    {
        // Each start of a worker is another one, and perhaps nobody asks.
        if (!_latest.ContainsKey((queue, report.Worker)))
        {
            Forget();
        }

        _latest[(queue, report.Worker)] = (report, time.GetTimestamp());
    }

    /// <summary>What the workers of a queue have in hand, added up.</summary>
    public CallsInHand Of(string queue)
    {
        Forget();
        var (running, delayed) = (new Dictionary<string, long>(), new Dictionary<string, long>());
        var workers = 0;
        foreach (var (source, (report, _)) in _latest)
        {
            if (source.Queue == queue)
            {
                workers++;
                Add(running, report.Running);
                Add(delayed, report.Delayed);
            }
        }

        return new CallsInHand(running, delayed) { Workers = workers };
    }

    // What is out of date, unless it was made anew just now.
    private void Forget()
    {
        foreach (var latest in _latest)
        {
            if (time.GetElapsedTime(latest.Value.At) > Fresh)
            {
                _latest.TryRemove(latest);
            }
        }
    }

    private async Task RepeatAsync(Func<Task> step, CancellationToken ct)
    {
        while (true)
        {
            await link.OpenAsync(ct);
            try
            {
                await step();
            }
            catch (Exception) when (!ct.IsCancellationRequested)
            {
                // NATS went away, which is told elsewhere; meanwhile reports go out of date, and every stored call counts as waiting.
            }

            await Task.Delay(Interval, time, ct);
        }
    }

    private static void Add(Dictionary<string, long> sums, IReadOnlyDictionary<string, long> counts)
    {
        foreach (var (function, count) in counts.Where(entry => entry.Value > 0))
        {
            sums[function] = sums.GetValueOrDefault(function) + count;
        }
    }
}

/// <summary>Calls of a queue that its workers have, by function (<c>name.namespace</c>).</summary>
/// <param name="Running">Those that run.</param>
/// <param name="Delayed">Those whose time has not come.</param>
public sealed record CallsInHand(IReadOnlyDictionary<string, long> Running, IReadOnlyDictionary<string, long> Delayed)
{
    /// <summary>How many workers said so.</summary>
    public int Workers { get; init; }

    /// <summary>How many of so many stored calls of a function wait for a worker.</summary>
    public long Waiting(string function, long stored) => Math.Max(0, stored - Running.GetValueOrDefault(function) - Delayed.GetValueOrDefault(function));
}
