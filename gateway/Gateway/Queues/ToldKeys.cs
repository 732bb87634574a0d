using System.Collections.Immutable;
using Connectors.Streams.Nats;

namespace Connectors.Gateway.Queues;

/// <summary>
/// The keys that a watch told of, held against how many its bucket has: nobody tells of entries that are removed from its stream. What is left of a deleted one goes by
/// itself, some time after <see cref="BucketShape.MarkerAge"/>, and then it is no less than was told:
/// <code>
/// a, b; a deleted 1 h ago     2 keys, or somebody removed one
/// a, b; a deleted 30 h ago    1 key or 2, or somebody removed one
/// </code>
/// </summary>
internal sealed class ToldKeys
{
    // So many of which nothing is left are kept beside as many as the bucket has.
    private const int SomeGone = 1_000;

    // When each was deleted; null for one that was not.
    private readonly ImmutableDictionary<string, DateTimeOffset?> _deleted;

    private ToldKeys(ImmutableDictionary<string, DateTimeOffset?> deleted) => _deleted = deleted;

    public static ToldKeys None { get; } = new(ImmutableDictionary<string, DateTimeOffset?>.Empty);

    /// <summary>The same once an entry was told of.</summary>
    public ToldKeys With(BucketEntry entry) => new(_deleted.SetItem(entry.Key, entry.Value is null ? entry.Created : null));

    /// <summary>Whether these may be all that the bucket has, and not much more is remembered.</summary>
    /// <param name="keys">How many it has, those of deleted entries among them as long as something is left of these.</param>
    /// <param name="since">Of what was deleted later, something is left.</param>
    public bool Fit(long keys, DateTimeOffset since) =>
        keys <= _deleted.Count && _deleted.Count <= (2 * keys) + SomeGone && keys >= _deleted.Count(key => key.Value is null || key.Value > since);
}
