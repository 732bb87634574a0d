using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Nats;

/// <summary>
/// What each stream was when it was looked at last: by that one is known again whose messages are not those that were acked, although their numbers and times may
/// be the same.
/// </summary>
/// <remarks>
/// A stream that took another's place was made at another time. One that was restored from a copy of itself was not; but its last number only grows, and its
/// messages are never more than before with those that were stored since:
/// <code>
/// last 3, 3 messages      copied
/// last 3, none            three calls were acked
/// last 3, 3 messages      deleted and restored: they are to run, and were acked under these numbers
/// </code>
/// After a power cut neither holds, and there it was those very messages that were acked; but where there is one server that ends the connection too. In a cluster it
/// need not, and they run again.
/// </remarks>
internal sealed class SeenStreams(NatsLink link, TimeProvider time)
{
    // Guards the last look at each stream.
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Look> _last = [];

    /// <summary>Whether the stream is another one than at the look before, or was restored.</summary>
    /// <param name="stream">The stream as it was found.</param>
    /// <param name="asked">When it was asked for, as a timestamp.</param>
    public bool IsAnother(StreamInfo stream, long asked)
    {
        // What a leader says that is cut off need not be so.
        if (!Quorum.Follows(stream.Cluster))
        {
            return false;
        }

        var (name, state) = (stream.Config.Name!, stream.State);
        var look = new Look(stream.Created, state.LastSeq, state.Messages, asked, time.GetTimestamp());
        lock (_lock)
        {
            var isKnown = _last.TryGetValue(name, out var last);
            _last[name] = look;
            return isKnown && (look.Made != last.Made || (HasComeBack(last, look) && IsBehind(last, look)));
        }
    }

    private static bool HasComeBack(Look last, Look look) => look.LastSeq < last.LastSeq || look.Messages > last.Messages + (long)(look.LastSeq - last.LastSeq);

    // Of two looks at a time it is not known which was first.
    private bool IsBehind(Look last, Look look) => look.Asked >= last.Answered && link.OpenFor >= time.GetElapsedTime(last.Asked);

    private readonly record struct Look(DateTimeOffset Made, ulong LastSeq, long Messages, long Asked, long Answered);
}
