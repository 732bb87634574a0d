using System.Globalization;
using System.Text;
using Connectors.Streams.Records;
using NATS.Client.Core;
using NATS.Client.JetStream.Models;
using NATS.Client.KeyValueStore;

namespace Connectors.Streams.Nats;

/// <summary>
/// What deleted entries leave in a bucket: messages without a value, from which whoever watches hears of the deletion. A bucket whose entries have no age keeps
/// them for ever, unless each is written with an age of its own, or swept.
/// </summary>
internal static class BucketMarkers
{
    /// <summary>The header by which a server that heeds it gives a message an age of its own.</summary>
    public const string AgeHeader = "Nats-TTL";

    private const string Operation = "KV-Operation";

    // Each is a request of its own, for which a server may read a file anew.
    private const int MaxSwept = 5_000;

    /// <summary>
    /// The headers of a marker. With it goes all that is older of its key, in a bucket with a history too: once the marker is gone, it would be the key's value again.
    /// </summary>
    /// <param name="revision">What the key's last message has to be; null for any.</param>
    /// <param name="age">After which time the server removes it; null for never.</param>
    public static NatsHeaders Headers(ulong? revision, TimeSpan? age)
    {
        var headers = Following(revision, "PURGE");
        headers["Nats-Rollup"] = "sub";
        if (age is { } its)
        {
            headers[AgeHeader] = Seconds(its);
        }

        return headers;
    }

    /// <summary>The headers of the smallest marker. It has no age of its own, and what is older of its key stays beside it: both are for a sweep.</summary>
    /// <param name="revision">What the key's last message has to be; null for any.</param>
    public static NatsHeaders LeastHeaders(ulong? revision) => Following(revision, "DEL");

    /// <summary>An age as the server reads it: whole seconds, at least one.</summary>
    public static string Seconds(TimeSpan age) => string.Create(CultureInfo.InvariantCulture, $"{Math.Max(1, Math.Ceiling(age.TotalSeconds))}s");

    /// <summary>Whether a message is one, written by whoever deleted its key, or by the server for one whose age is over.</summary>
    /// <param name="headers">Its headers in base64; null for none.</param>
    public static bool IsOne(string? headers) =>
        headers is not null && Encoding.ASCII.GetString(Convert.FromBase64String(headers)) is var text
        && (text.Contains($"{Operation}:", StringComparison.OrdinalIgnoreCase) || text.Contains("Nats-Marker-Reason:", StringComparison.OrdinalIgnoreCase));

    /// <summary>
    /// Removes those that are older than <see cref="BucketShape.MarkerAge"/>, no more than some thousands; returns how many were. Two who sweep at once do no harm,
    /// nor does who writes meanwhile: of a key nothing is removed that came after its marker. The bucket's last message stays whatever it is, for a watch that just
    /// begins takes it for the end of what there is.
    /// </summary>
    public static async Task<int> SweepAsync(NatsLink link, INatsKVStore store, BucketShape shape, CancellationToken ct)
    {
        if (await BucketSetup.FindAsync(link, shape, ct) is not { Ts: var now } || now == default)
        {
            return 0;
        }

        var old = new List<NatsKVEntry<byte[]>>();
        var opts = new NatsKVWatchOpts { MetaOnly = true, OnNoData = _ => ValueTask.FromResult(true) };
        await foreach (var entry in store.WatchAsync(NatsRawSerializer<byte[]>.Default, opts, ct))
        {
            if (entry.Delta == 0 || old.Count == MaxSwept)
            {
                break;
            }

            // As a filter, a key with a wildcard in it would mean other keys.
            if (entry.Operation != NatsKVOperation.Put && now - entry.Created > shape.MarkerAge && entry.Key.AsSpan().IndexOfAny('*', '>') < 0)
            {
                old.Add(entry);
            }
        }

        foreach (var marker in old)
        {
            var upTo = new StreamPurgeRequest { Filter = StreamNames.BucketSubject(shape.Name, marker.Key), Seq = marker.Revision + 1 };
            await link.JetStream.PurgeStreamAsync(StreamNames.BucketStream(shape.Name), upTo, ct);
        }

        return old.Count;
    }

    private static NatsHeaders Following(ulong? revision, string operation)
    {
        var headers = new NatsHeaders { [Operation] = operation };
        if (revision is { } last)
        {
            headers["Nats-Expected-Last-Subject-Sequence"] = last.ToString(CultureInfo.InvariantCulture);
        }

        return headers;
    }
}
