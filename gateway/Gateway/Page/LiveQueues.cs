using System.Text.Json;
using Connectors.Gateway.Enqueueing;
using Connectors.Gateway.Queues;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Page;

/// <summary>
/// Looks at all queues every two seconds, for however many watch, and keeps the last 15 minutes in memory. A look is one request for the streams; what runs and
/// what is delayed, the workers have said by themselves. What is paused is read again when its bucket was written to, and now and then all the same.
/// </summary>
internal sealed class LiveQueues(
    NatsLink link, QueueStreams streams, PauseBook book, WorkerReports reports, GatewayOptions options, TimeProvider time, ILogger<LiveQueues> log) : IDuty
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    // A cluster waits for four seconds for those that do not answer, and does so for each page of its list.
    private static readonly TimeSpan MaxLook = TimeSpan.FromSeconds(20);

    // Rates are those of the last ten seconds: of two alone they would flicker.
    private const int RateLooks = 5;
    private const int LooksPerPoint = 5;

    // Each is told every two seconds to everybody who watches.
    private const int MaxHolds = 100;

    private readonly Signal _changed = new();
    private readonly Queue<Look> _last = new();
    private readonly QueueHistory _history = new();
    private volatile IReadOnlyDictionary<(string Queue, string Function), FunctionHold> _holds = new Dictionary<(string, string), FunctionHold>();
    private PausedThings _paused = PausedThings.None;
    private (DateTimeOffset Made, long Writes)? _pauses;
    private volatile Snapshot _now = Snapshot.Of(new Overview(null, options.Queue.Nats.IsSet ? "Nothing was looked at yet." : QueueOptions.Off, []));

    /// <summary>The last look.</summary>
    public Snapshot Now => _now;

    /// <summary>Completed by the next look.</summary>
    public Task Next => _changed.Next;

    /// <summary>Whether and why a function (<c>name.namespace</c>) is held in a queue; null if it is not.</summary>
    public FunctionHold? HoldOf(string queue, string function) => _holds.GetValueOrDefault((queue, function));

    /// <summary>The last 15 minutes.</summary>
    public QueueHistories History => _history.Read();

    public async Task RunAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        for (var count = 0; ; count++)
        {
            try
            {
                await link.OpenAsync(Interval * 3, stoppingToken);
                using var limit = new TimeLimit(MaxLook, time, stoppingToken);
                var isPoint = count % LooksPerPoint == 0;
                var now = await streams.ReadAsync(limit.Token);
                if (now.HasPauses)
                {
                    _paused = now.Pauses is null ? PausedThings.None : isPoint || now.Pauses != _pauses ? await book.ReadAsync(limit.Token) : _paused;
                    _pauses = now.Pauses;
                }

                Take(new Look(time.GetTimestamp(), now.Queues), now.HasPauses ? null : $"NATS tells nothing of the bucket {StreamNames.Paused}: what is paused is as it was.", isPoint);
            }
            catch (Exception fault) when (!stoppingToken.IsCancellationRequested)
            {
                if (_now.Overview.Error is null)
                {
                    Log.PageBlind(log, fault.Message);
                }

                _now = Snapshot.Of(_now.Overview with { Error = "NATS does not answer: these figures are old." });
            }

            _changed.Set();
            await timer.WaitForNextTickAsync(stoppingToken);
        }
    }

    private void Take(Look look, string? error, bool isPoint)
    {
        var before = _last.TryPeek(out var oldest) ? oldest : look;
        _last.Enqueue(look);
        if (_last.Count > RateLooks)
        {
            _last.Dequeue();
        }

        var seconds = time.GetElapsedTime(before.At, look.At).TotalSeconds;
        var now = time.GetUtcNow().UtcDateTime;
        var holds = look.Queues.SelectMany(queue => Holds(queue).Select(hold => (queue.Name, Hold: hold))).ToList();
        _holds = holds.ToDictionary(one => (one.Name, one.Hold.Function), one => one.Hold);
        var ofQueue = holds.ToLookup(one => one.Name, one => one.Hold);
        var views = look.Queues.Select(queue => View(queue, before.Queues.FirstOrDefault(old => old.Name == queue.Name), seconds, [.. ofQueue[queue.Name]])).ToList();
        _now = Snapshot.Of(new Overview(now, error, views));
        if (isPoint)
        {
            _history.Add(now, [.. views.Where(view => view.Error is null)]);
        }
    }

    private QueueView View(QueueFigures queue, QueueFigures? before, double seconds, IReadOnlyList<FunctionHold> holds)
    {
        var inHand = reports.Of(queue.Name);
        var (running, retrying, held) = (inHand.Running.Values.Sum(), inHand.Delayed.Values.Sum(), queue.Held.Values.Sum());
        var (stored, ended) = Moved(queue, before);
        return new QueueView
        {
            Name = queue.Name,
            Error = queue.Missing.Count > 0 ? $"NATS tells nothing of {string.Join(", ", queue.Missing)}: what is known of it is old." : null,
            Waiting = queue.Calls is { } calls ? Math.Max(0, calls - running - retrying) : null,
            Running = running,
            Retrying = retrying,
            Delayed = queue.Aside is { } aside ? Math.Max(0, aside - held) : null,
            Held = queue.Aside is null ? null : held,
            Callbacks = queue.Callbacks,
            Dead = queue.Dead,
            Bytes = queue.Bytes,
            OldestAt = queue.OldestAt,
            InPerSecond = stored is null ? null : seconds > 0 ? Math.Round(stored.Value / seconds, 2) : 0,
            OutPerSecond = ended is null ? null : seconds > 0 ? Math.Round(ended.Value / seconds, 2) : 0,
            Workers = inHand.Workers,
            Mode = queue.Mode,
            Paused = PauseView.From(_paused.Of(queue.Name)),
            HeldFunctions = holds.Count,
            Holds = [.. holds.OrderByDescending(hold => hold.Held).Take(MaxHolds)],
        };
    }

    // How many calls came and went since the look before; none where that one was not told of them, null where this one was not.
    private static (long? Stored, long? Ended) Moved(QueueFigures queue, QueueFigures? before)
    {
        var stream = StreamNames.Calls(queue.Name);
        if (queue.Missing.Contains(stream))
        {
            return (null, null);
        }

        before = before?.Missing.Contains(stream) == false ? before : queue;

        // A stream that was made anew counts from the beginning.
        var stored = Math.Max(0, (queue.Stored - before.Stored) ?? 0);
        return (stored, Math.Max(0, stored - ((queue.Calls - before.Calls) ?? 0)));
    }

    private IEnumerable<FunctionHold> Holds(QueueFigures queue)
    {
        var (paused, broken) = (_paused.FunctionsOf(queue.Name), _paused.BreakersOf(queue.Name));
        return from function in queue.Held.Keys.Union(paused.Keys).Union(broken.Keys).Order(StringComparer.Ordinal)
               select new FunctionHold(
                   function,
                   queue.Held.GetValueOrDefault(function),
                   PauseView.From(paused.GetValueOrDefault(function)),
                   BreakerView.From(broken.GetValueOrDefault(function)));
    }

    private sealed record Look(long At, IReadOnlyList<QueueFigures> Queues);
}

/// <summary>An overview and its JSON, which is written once for all who read it.</summary>
internal sealed record Snapshot(Overview Overview, ReadOnlyMemory<byte> Json)
{
    public static Snapshot Of(Overview overview) => new(overview, JsonSerializer.SerializeToUtf8Bytes(overview, PageJson.Default.Overview));
}

/// <summary>All queues at one time.</summary>
/// <param name="At">When; null before the first look.</param>
/// <param name="Error">Why it is not newer.</param>
/// <param name="Queues">Every queue by name.</param>
internal sealed record Overview(DateTime? At, string? Error, IReadOnlyList<QueueView> Queues);

/// <summary>One queue. What nobody of NATS tells now is as it was, and null if nobody has told it yet.</summary>
internal sealed record QueueView
{
    public required string Name { get; init; }

    /// <summary>Why some of it is old or not known; null if none is.</summary>
    public required string? Error { get; init; }

    /// <summary>Calls that are due and run nowhere.</summary>
    public required long? Waiting { get; init; }

    public required long Running { get; init; }

    /// <summary>Calls that back off before they are sent again, and what a worker gave back for a while.</summary>
    public required long Retrying { get; init; }

    /// <summary>Calls whose time, which their callers named, has not come.</summary>
    public required long? Delayed { get; init; }

    /// <summary>Calls that were put aside because their function is paused or cannot be reached.</summary>
    public required long? Held { get; init; }

    /// <summary>Callbacks to be delivered.</summary>
    public required long? Callbacks { get; init; }

    /// <summary>Dead letters.</summary>
    public required long? Dead { get; init; }

    /// <summary>Size of the calls.</summary>
    public required long? Bytes { get; init; }

    /// <summary>When the call was stored that lies there longest: since it was accepted, put back or tried last.</summary>
    public required DateTime? OldestAt { get; init; }

    /// <summary>Calls stored, copies of retries among them.</summary>
    public required double? InPerSecond { get; init; }

    /// <summary>Calls that left the queue.</summary>
    public required double? OutPerSecond { get; init; }

    /// <summary>Workers that were heard of in the last seconds.</summary>
    public required int Workers { get; init; }

    /// <summary><c>static</c> or <c>function</c>; null before the first worker.</summary>
    public required string? Mode { get; init; }

    /// <summary>The queue's own pause; null for none.</summary>
    public required PauseView? Paused { get; init; }

    /// <summary>How many of its functions are held.</summary>
    public required int HeldFunctions { get; init; }

    /// <summary>Those of them with the most calls held.</summary>
    public required IReadOnlyList<FunctionHold> Holds { get; init; }
}

/// <summary>A function that is held in a queue.</summary>
/// <param name="Function"><c>name.namespace</c>.</param>
/// <param name="Held">Its calls that were put aside.</param>
/// <param name="Paused">Why; null for one that nobody paused.</param>
/// <param name="Breaker">Its breaker, while that is open. With neither, the function was resumed, and its calls are on their way back.</param>
internal sealed record FunctionHold(string Function, long Held, PauseView? Paused, BreakerView? Breaker);
