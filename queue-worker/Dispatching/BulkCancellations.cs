using System.Collections.Immutable;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Dispatching;

/// <summary>
/// The bulk cancellations that are known, the newest first. None covers a call that was submitted after it was made, so a call is held against those alone that
/// were made since: a fresh one against none, however many there are. One at a time changes them; whoever asks what they cover may do so meanwhile.
/// </summary>
internal sealed class BulkCancellations
{
    private static readonly Comparer<Known> NewestFirst = Comparer<Known>.Create(
        (one, other) => other.Made.At.CompareTo(one.Made.At) is not 0 and var order ? order : string.CompareOrdinal(one.Key, other.Key));

    private readonly Dictionary<string, Known> _byKey = [];
    private volatile ImmutableSortedSet<Known> _newestFirst = ImmutableSortedSet<Known>.Empty.WithComparer(NewestFirst);

    /// <summary>Whether one of that key is known.</summary>
    public bool Contains(string key) => _byKey.ContainsKey(key);

    /// <summary>Whether any covers a call of a queue.</summary>
    public bool Covers(string queue, Envelope call)
    {
        foreach (var (_, made) in _newestFirst)
        {
            if (made.At < call.Submitted)
            {
                return false;
            }

            if (made.Covers(queue, call))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Takes one in, in place of what had its key.</summary>
    public void Set(string key, BulkCancellation made)
    {
        var next = _byKey.TryGetValue(key, out var last) ? _newestFirst.Remove(last) : _newestFirst;
        _byKey[key] = new Known(key, made);
        _newestFirst = next.Add(_byKey[key]);
    }

    /// <summary>One is no more.</summary>
    public void Remove(string key)
    {
        if (_byKey.Remove(key, out var last))
        {
            _newestFirst = _newestFirst.Remove(last);
        }
    }

    /// <summary>Drops those that were made before a time.</summary>
    public void Forget(DateTimeOffset before)
    {
        while (_newestFirst.Max is { } oldest && oldest.Made.At < before)
        {
            Remove(oldest.Key);
        }
    }

    private sealed record Known(string Key, BulkCancellation Made);
}
