using System.Globalization;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Nats;

/// <summary>A message as it lies in a stream.</summary>
/// <param name="Seq">Its number.</param>
/// <param name="Stored">When it was stored, by the server's clock.</param>
/// <param name="Subject">Its subject.</param>
/// <param name="Headers">Its headers.</param>
/// <param name="Size">Bytes of its body.</param>
public sealed record MessageInStream(ulong Seq, DateTimeOffset Stored, string Subject, NatsHeaders Headers, int Size)
{
    /// <summary>The first from a number on, without taking it, on whichever of the stream's servers is asked. Null if that one has none: it may lag behind the leader.</summary>
    /// <param name="link">The connection to the streams.</param>
    /// <param name="stream">The stream.</param>
    /// <param name="filter">Which subjects, with the broker's wildcards.</param>
    /// <param name="seq">The number.</param>
    /// <param name="ct">Gives up.</param>
    public static async Task<MessageInStream?> NearestAsync(NatsLink link, INatsJSStream stream, string filter, ulong seq, CancellationToken ct)
    {
        var message = await link.LookUpAsync(stream, new StreamMsgGetRequest { Seq = seq, NextBySubj = filter }, ct);
        return message.Headers is { Code: 0 or 200 } headers
            && ulong.TryParse(headers["Nats-Sequence"], NumberStyles.None, CultureInfo.InvariantCulture, out var found)
            && DateTimeOffset.TryParse(headers["Nats-Time-Stamp"], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var stored)
                ? new MessageInStream(found, stored, headers["Nats-Subject"].ToString(), headers, message.Data?.Length ?? 0)
                : null;
    }

    /// <summary>The same by the word of the stream's leader; null if there is none.</summary>
    /// <param name="link">The connection to the streams.</param>
    /// <param name="stream">The stream.</param>
    /// <param name="filter">Which subjects, with the broker's wildcards.</param>
    /// <param name="seq">The number.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="NatsException">The leader does not tell.</exception>
    public static async Task<MessageInStream?> OfLeaderAsync(NatsLink link, INatsJSStream stream, string filter, ulong seq, CancellationToken ct)
    {
        try
        {
            var message = await link.AskLeaderAsync(stream, new StreamMsgGetRequest { Seq = seq, NextBySubj = filter }, ct);
            return new MessageInStream(message.Seq, message.Time, message.Subject, link.HeadersOf(message), message.Data.Length);
        }
        catch (NatsJSApiException none) when (none.IsNotFound())
        {
            return null;
        }
    }
}
