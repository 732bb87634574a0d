using System.Globalization;

namespace NATS.Client.JetStream;

/// <summary>What the subject for the ack tells about a message.</summary>
public readonly record struct NatsJSMsgMetadata(
    NatsJSSequencePair Sequence,
    ulong NumDelivered,
    ulong NumPending,
    DateTimeOffset Timestamp,
    string Stream,
    string Consumer,
    string Domain)
{
    private const int TicksPerNanosecondDivisor = 100;

    /// <summary>
    /// <c>$JS.ACK.stream.consumer.delivered.streamSeq.consumerSeq.timestamp.pending</c>, or, from newer servers,
    /// with domain and account hash after ACK and perhaps a random token at the end.
    /// </summary>
    internal static NatsJSMsgMetadata? Parse(string? reply)
    {
        if (reply is null || !reply.StartsWith("$JS.ACK.", StringComparison.Ordinal))
            return null;
        var tokens = reply.Split('.');
        var domain = string.Empty;
        var at = 2;
        if (tokens.Length >= 11)
        {
            domain = tokens[2] == "_" ? string.Empty : tokens[2];
            at = 4;
        }
        else if (tokens.Length != 9)
        {
            return null;
        }

        return Number(tokens[at + 2], out var delivered)
            && Number(tokens[at + 3], out var streamSequence)
            && Number(tokens[at + 4], out var consumerSequence)
            && Number(tokens[at + 5], out var nanoseconds)
            && Number(tokens[at + 6], out var pending)
            ? new NatsJSMsgMetadata(
                new NatsJSSequencePair(streamSequence, consumerSequence),
                delivered,
                pending,
                DateTimeOffset.UnixEpoch.AddTicks((long)(nanoseconds / TicksPerNanosecondDivisor)),
                tokens[at],
                tokens[at + 1],
                domain)
            : null;
    }

    private static bool Number(string token, out ulong value) => ulong.TryParse(token, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}

public readonly record struct NatsJSSequencePair(ulong Stream, ulong Consumer);
