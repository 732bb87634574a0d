using System.Collections.Concurrent;
using Connectors.Streams.Nats;

namespace Connectors.QueueWorker.Settling;

/// <summary>
/// Copies that may be stored or not, for nobody answered, each to take the place of a message. That message is not run before its copy's fate is known: both would
/// be. Of too many, the copy goes that was not met for the longest: another worker may have ended its message.
/// </summary>
internal sealed class CopiesInDoubt(TimeProvider time)
{
    private const int Max = 1_000;

    // Without their bodies, which are those of the messages.
    private readonly ConcurrentDictionary<MessagePlace, (StreamMessage Copy, long At)> _all = new();

    public bool Holds(MessagePlace place) => _all.ContainsKey(place);

    /// <summary>The copy that is to take a message's place; null if there is none in doubt.</summary>
    public StreamMessage? Find(Delivery delivery) => _all.TryGetValue(delivery.Place, out var doubt) ? doubt.Copy with { Body = delivery.Body } : null;

    public void Add(MessagePlace place, StreamMessage copy)
    {
        if (_all.Count >= Max && !_all.ContainsKey(place))
        {
            _all.TryRemove(_all.MinBy(doubt => doubt.Value.At).Key, out _);
        }

        _all[place] = (copy with { Body = default }, time.GetTimestamp());
    }

    public void Remove(MessagePlace place) => _all.TryRemove(place, out _);
}
