using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.JetStream.Models;

namespace Connectors.Gateway.Queues;

/// <summary>
/// Every queue as its streams are now, by one request for all of them, and one for each queue where calls lie aside: cheap enough for every two seconds. A stream of
/// which nobody tells is as it was when somebody told of it last.
/// </summary>
internal sealed class QueueStreams(NatsLink link)
{
    private static readonly string PausesStream = StreamNames.BucketStream(StreamNames.Paused);

    private static readonly IReadOnlyDictionary<string, long> None = new Dictionary<string, long>();

    // As they were told of last.
    private Dictionary<string, StreamInfo> _streams = [];
    private Dictionary<string, QueueFigures> _queues = [];

    /// <summary>Reads them; one at a time.</summary>
    public async Task<StreamsNow> ReadAsync(CancellationToken ct)
    {
        var now = await StreamList.ReadAsync(link, ct);
        var streams = new Dictionary<string, StreamInfo>(now.Streams);
        foreach (var (name, last) in _streams.Where(last => now.Missing.Contains(last.Key)))
        {
            streams[name] = last;
        }

        var known = new StreamList(streams, now.Missing.Except(streams.Keys).ToHashSet());
        var queues = await Task.WhenAll(known.Queues.Select(queue => FiguresAsync(queue, known, now, ct)));
        _streams = streams;
        _queues = queues.ToDictionary(queue => queue.Name);
        return new StreamsNow(
            queues,
            streams.GetValueOrDefault(PausesStream) is { } pauses ? (pauses.Created, (long)pauses.State.LastSeq) : null,
            !now.Missing.Contains(PausesStream));
    }

    private async Task<QueueFigures> FiguresAsync(string queue, StreamList known, StreamList now, CancellationToken ct)
    {
        var aside = StreamNames.Aside(queue);
        var isAsideTold = !now.Missing.Contains(aside);
        var calls = known.Streams.GetValueOrDefault(StreamNames.Calls(queue));
        long? none = known.Missing.Contains(StreamNames.Calls(queue)) ? null : 0;
        var figures = new QueueFigures
        {
            Name = queue,
            Calls = known.MessagesOf(StreamNames.Calls(queue)),
            Aside = known.MessagesOf(aside),
            Callbacks = known.MessagesOf(StreamNames.Callbacks(queue)),
            Dead = known.MessagesOf(StreamNames.Dead(queue)),
            Bytes = calls?.State.Bytes ?? none,
            Stored = (long?)calls?.State.LastSeq ?? none,
            OldestAt = calls?.State.OldestAt(),
            Mode = calls?.Config.Metadata?.TryGetValue(StreamNames.ModeKey, out var mode) == true ? mode : null,
            Held = isAsideTold ? None : _queues.GetValueOrDefault(queue)?.Held ?? None,
            Missing = now.MissingOf(queue),
        };
        return figures.Aside > 0 && isAsideTold ? figures with { Held = await HeldAsync(queue, ct) } : figures;
    }

    // Their subjects name the function alone, so there are no more of them than functions, however many calls are delayed beside them.
    private async Task<IReadOnlyDictionary<string, long>> HeldAsync(string queue, CancellationToken ct) =>
        (await link.FindCountsAsync(StreamNames.Aside(queue), AsideGroup.HeldSubjects(queue), ct)).BySubject().ByFunction();
}

/// <summary>All streams at one time.</summary>
/// <param name="Queues">Every queue by name.</param>
/// <param name="Pauses">Which bucket of pauses it is and how often it was written to: it differs as soon as something was paused or resumed. Null for none.</param>
/// <param name="HasPauses">Whether the bucket can be read, or is known not to be there.</param>
internal sealed record StreamsNow(IReadOnlyList<QueueFigures> Queues, (DateTimeOffset Made, long Writes)? Pauses, bool HasPauses);

/// <summary>What a queue's streams say of it; null for what nobody has told yet.</summary>
internal sealed record QueueFigures
{
    public required string Name { get; init; }

    /// <summary>Calls that have not ended: waiting, to be retried, or running.</summary>
    public required long? Calls { get; init; }

    /// <summary>Calls that were put aside: their time, which their callers named, has not come, or their function is held.</summary>
    public required long? Aside { get; init; }

    /// <summary>Callback records that were not delivered yet.</summary>
    public required long? Callbacks { get; init; }

    /// <summary>Dead letters.</summary>
    public required long? Dead { get; init; }

    /// <summary>Size of the calls.</summary>
    public required long? Bytes { get; init; }

    /// <summary>Calls ever stored, the copies of retries among them.</summary>
    public required long? Stored { get; init; }

    /// <summary>When the call was stored that lies there longest: since it was accepted, put back or tried last.</summary>
    public required DateTime? OldestAt { get; init; }

    /// <summary><c>static</c> or <c>function</c>; null before the first worker.</summary>
    public required string? Mode { get; init; }

    /// <summary>Of those put aside, the ones whose function is held, by <c>name.namespace</c>.</summary>
    public required IReadOnlyDictionary<string, long> Held { get; init; }

    /// <summary>Which of its streams nobody tells of now.</summary>
    public required IReadOnlyList<string> Missing { get; init; }
}
