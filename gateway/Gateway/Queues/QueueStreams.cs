using System.Globalization;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Gateway.Queues;

/// <summary>Every queue as its streams are now, by one request for all of them, and one for each queue where calls lie aside: cheap enough for every two seconds.</summary>
internal sealed class QueueStreams(NatsLink link)
{
    private const int NotFound = 404;
    private const string BucketPrefix = "KV_";

    private static readonly IReadOnlyDictionary<string, long> None = new Dictionary<string, long>();

    public async Task<StreamsNow> ReadAsync(CancellationToken ct)
    {
        var streams = new Dictionary<string, StreamInfo>();
        await foreach (var stream in link.JetStream.ListStreamsAsync(cancellationToken: ct))
        {
            streams[stream.Info.Config.Name ?? ""] = stream.Info;
        }

        var pauses = streams.GetValueOrDefault(BucketPrefix + StreamNames.Paused);
        IReadOnlyList<QueueFigures> queues =
        [
            .. from name in streams.Keys.Order(StringComparer.Ordinal)
               where name.StartsWith("OF_", StringComparison.Ordinal) && StreamNames.QueueName().IsMatch(name[3..])
               let queue = name[3..]
               let calls = streams[name]
               select new QueueFigures(
                   queue,
                   calls.State.Messages,
                   streams.GetValueOrDefault(StreamNames.Aside(queue))?.State.Messages ?? 0,
                   streams.GetValueOrDefault(StreamNames.Callbacks(queue))?.State.Messages ?? 0,
                   streams.GetValueOrDefault(StreamNames.Dead(queue))?.State.Messages ?? 0,
                   calls.State.Bytes,
                   (long)calls.State.LastSeq,
                   OldestOf(calls.State),
                   calls.Config.Metadata?.TryGetValue(StreamNames.ModeKey, out var mode) == true ? mode : null,
                   None),
        ];
        return new StreamsNow(
            [.. await Task.WhenAll(queues.Select(async queue => queue.Aside > 0 ? queue with { Held = await HeldAsync(queue.Name, ct) } : queue))],
            pauses is null ? null : (pauses.Created, (long)pauses.State.LastSeq));
    }

    // Their subjects name the function alone, so there are no more of them than functions, however many calls are delayed beside them.
    private async Task<IReadOnlyDictionary<string, long>> HeldAsync(string queue, CancellationToken ct)
    {
        try
        {
            var stream = await link.WithSubjectsAsync(StreamNames.Aside(queue), AsideGroup.HeldSubjects(queue), ct);
            return (stream.State.Subjects ?? new Dictionary<string, long>())
                .GroupBy(subject => StreamNames.FunctionOf(subject.Key)?.ToString() ?? subject.Key)
                .ToDictionary(function => function.Key, function => function.Sum(subject => subject.Value));
        }
        catch (NatsJSApiException fault) when (fault.Error.Code == NotFound)
        {
            return None;
        }
    }

    private static DateTime? OldestOf(StreamState calls) =>
        calls.Messages > 0 && DateTimeOffset.TryParse(calls.FirstTs, CultureInfo.InvariantCulture, out var first) ? first.UtcDateTime : null;
}

/// <summary>All streams at one time.</summary>
/// <param name="Queues">Every queue by name.</param>
/// <param name="Pauses">Which bucket of pauses it is and how often it was written to: it differs as soon as something was paused or resumed. Null for none.</param>
internal sealed record StreamsNow(IReadOnlyList<QueueFigures> Queues, (DateTimeOffset Made, long Writes)? Pauses);

/// <summary>What a queue's streams say of it.</summary>
/// <param name="Name">The queue.</param>
/// <param name="Calls">Calls that have not ended: waiting, to be retried, or running.</param>
/// <param name="Aside">Calls that were put aside: their time, which their callers named, has not come, or their function is held.</param>
/// <param name="Callbacks">Callback records that were not delivered yet.</param>
/// <param name="Dead">Dead letters.</param>
/// <param name="Bytes">Size of the calls.</param>
/// <param name="Stored">Calls ever stored, the copies of retries among them.</param>
/// <param name="OldestAt">When the oldest call was stored.</param>
/// <param name="Mode"><c>static</c> or <c>function</c>; null before the first worker.</param>
/// <param name="Held">Of those put aside, the ones whose function is held, by <c>name.namespace</c>.</param>
internal sealed record QueueFigures(
    string Name, long Calls, long Aside, long Callbacks, long Dead, long Bytes, long Stored, DateTime? OldestAt, string? Mode, IReadOnlyDictionary<string, long> Held);
