using System.Globalization;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.JetStream.Models;

namespace Connectors.Gateway.Queues;

/// <summary>Every queue as its streams are now, by one request for all of them: cheap enough for every two seconds.</summary>
internal sealed class QueueStreams(NatsLink link)
{
    public async Task<IReadOnlyList<QueueFigures>> ReadAsync(CancellationToken ct)
    {
        var streams = new Dictionary<string, StreamInfo>();
        await foreach (var stream in link.JetStream.ListStreamsAsync(cancellationToken: ct))
        {
            streams[stream.Info.Config.Name ?? ""] = stream.Info;
        }

        return
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
                   calls.Config.Metadata?.TryGetValue(StreamNames.ModeKey, out var mode) == true ? mode : null),
        ];
    }

    private static DateTime? OldestOf(StreamState calls) =>
        calls.Messages > 0 && DateTimeOffset.TryParse(calls.FirstTs, CultureInfo.InvariantCulture, out var first) ? first.UtcDateTime : null;
}

/// <summary>What a queue's streams say of it.</summary>
/// <param name="Name">The queue.</param>
/// <param name="Calls">Calls that have not ended: waiting, to be retried, or running.</param>
/// <param name="Aside">Calls that were put aside: their time, which their callers named, has not come.</param>
/// <param name="Callbacks">Callback records that were not delivered yet.</param>
/// <param name="Dead">Dead letters.</param>
/// <param name="Bytes">Size of the calls.</param>
/// <param name="Stored">Calls ever stored, the copies of retries among them.</param>
/// <param name="OldestAt">When the oldest call was stored.</param>
/// <param name="Mode"><c>static</c> or <c>function</c>; null before the first worker.</param>
internal sealed record QueueFigures(string Name, long Calls, long Aside, long Callbacks, long Dead, long Bytes, long Stored, DateTime? OldestAt, string? Mode);
