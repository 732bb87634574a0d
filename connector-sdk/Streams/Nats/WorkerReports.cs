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

    private readonly ConcurrentDictionary<(string Queue, string Worker, int Part), (WorkerReport Report, long At)> _latest = new();

    /// <summary>Publishes a worker's report again and again, until it is cancelled. One that is lost is made up for by the next.</summary>
    public Task TellAsync(string queue, Func<WorkerReport> report, CancellationToken ct) => RepeatAsync(
        async () =>
        {
            foreach (var part in report().Encode(link.MaxPayload))
            {
                await link.Connection.PublishAsync(StreamNames.Reports(queue), part, serializer: Raw, cancellationToken: ct);
            }
        },
        error => Log.ReportNotTold(link.Logger, queue, error),
        ct);

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
        error => Log.ReportsNotHeard(link.Logger, queue, error),
        ct);

    /// <summary>What the workers of a queue have in hand, added up.</summary>
    /// <param name="queue">The queue.</param>
    /// <param name="own">What the worker that asks has now, whatever it said last; null for whoever is none.</param>
    public CallsInHand Of(string queue, WorkerReport? own = null)
    {
        Forget();
        var (running, delayed) = (new Dictionary<string, long>(), new Dictionary<string, long>());
        var workers = new HashSet<string>();
        foreach (var (source, (report, _)) in _latest)
        {
            if (source.Queue == queue && source.Worker != own?.Worker)
            {
                Add(report);
            }
        }

        if (own is not null)
        {
            Add(own);
        }

        return new CallsInHand(running, delayed) { Workers = workers.Count };

        void Add(WorkerReport report)
        {
            workers.Add(report.Worker);
            AddTo(running, report.Running);
            AddTo(delayed, report.Delayed);
        }
    }

    private void Take(string queue, WorkerReport report)
    {
        // Each start of a worker is another one, and perhaps nobody asks.
        if (!_latest.ContainsKey((queue, report.Worker, report.Part)))
        {
            Forget();
        }

        _latest[(queue, report.Worker, report.Part)] = (report, time.GetTimestamp());
        if (report.Part == 0)
        {
            // It had more parts when it was longer.
            var part = Math.Max(1, report.Parts);
            while (_latest.TryRemove((queue, report.Worker, part), out _))
            {
                part++;
            }
        }
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

    // A kind of fault is told once until it is over. That NATS went away is told elsewhere; meanwhile reports go out of date, and every stored call counts as waiting.
    private async Task RepeatAsync(Func<Task> step, Action<string> tell, CancellationToken ct)
    {
        Type? told = null;
        while (true)
        {
            await link.OpenAsync(ct);
            try
            {
                await step();
                told = null;
            }
            catch (Exception fault) when (!ct.IsCancellationRequested)
            {
                if (link.IsOpen && told != fault.GetType())
                {
                    told = fault.GetType();
                    tell(fault.Message);
                }
            }

            await Task.Delay(Interval, time, ct);
        }
    }

    private static void AddTo(Dictionary<string, long> sums, IReadOnlyDictionary<string, long> counts)
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
