using Connectors.Streams.Nats;

namespace Connectors.QueueWorker.Settling;

/// <summary>
/// The messages that were acked here lately. An ack is lost only with a connection, a server or its lead; the message then comes again within <c>ack_wait</c> of
/// the next. They are remembered for some times as long while there is one, and until others are acked. Of a stream no more than some hundred thousand: a
/// worker that acks more than those within <c>ack_wait</c> forgets some too early, with the default of 30 s at 4,000 a second and more.
/// </summary>
/// <param name="ackWait">A message's lease.</param>
/// <param name="openFor">For how long there has been a connection; null for none.</param>
/// <param name="time">The clock.</param>
internal sealed class AckedMessages(TimeSpan ackWait, Func<TimeSpan?> openFor, TimeProvider time)
{
    private const int MaxOfGeneration = 1 << 17;
    private static readonly TimeSpan MinAge = TimeSpan.FromMinutes(2);

    private readonly TimeSpan _age = 4 * ackWait > MinAge ? 4 * ackWait : MinAge;

    // Guards what follows, and the sets in it: work ends and messages come again on any thread.
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Acked> _streams = [];

    public void Add(MessagePlace place)
    {
        lock (_lock)
        {
            if (!_streams.TryGetValue(place.Stream, out var acked))
            {
                _streams[place.Stream] = acked = new Acked([], [], time.GetTimestamp());
            }
            else if (acked.Young.Count >= MaxOfGeneration || (time.GetElapsedTime(acked.Since) >= _age && openFor() >= _age))
            {
                acked.Old.Clear();
                _streams[place.Stream] = acked = new Acked(acked.Old, acked.Young, time.GetTimestamp());
            }

            acked.Young.Add(Key(place));
        }
    }

    public void Forget(string stream)
    {
        lock (_lock)
        {
            _streams.Remove(stream);
        }
    }

    public bool Contains(MessagePlace place)
    {
        lock (_lock)
        {
            return _streams.TryGetValue(place.Stream, out var acked) && (acked.Young.Contains(Key(place)) || acked.Old.Contains(Key(place)));
        }
    }

    private static (ulong, long) Key(MessagePlace place) => (place.Sequence, place.Stored.UtcTicks);

    // Two generations: what is forgotten is the older of them, whole.
    private sealed record Acked(HashSet<(ulong, long)> Young, HashSet<(ulong, long)> Old, long Since);
}
