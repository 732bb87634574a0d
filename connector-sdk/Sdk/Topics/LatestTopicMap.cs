using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;

namespace Connectors.Sdk.Topics;

/// <summary>The latest topic map: readers take one reference, the refresher swaps it.</summary>
public sealed class LatestTopicMap
{
    // A function that is replaced is missing from a list or two.
    private const int Kept = 3;

    private static readonly TopicMap None = new([], "", withPatterns: false);

    private readonly Signal _swapped = new();

    // The latest, and behind it those before it.
    private volatile TopicMap[] _maps = [None];

    /// <summary>The latest map; an empty one before the first.</summary>
    public TopicMap Value => _maps[0];

    /// <summary>The first map, once there is one.</summary>
    public Task<TopicMap> FirstAsync(CancellationToken ct) => NextAsync(None, ct);

    /// <summary>The latest map as soon as it is another than <paramref name="seen"/>.</summary>
    public async Task<TopicMap> NextAsync(TopicMap seen, CancellationToken ct)
    {
        await _swapped.UntilAsync(() => Value != seen, ct);
        return Value;
    }

    /// <summary>
    /// Whether some function wants a topic, or one of the two maps before the latest had one that did: a function that is replaced is not listed for a moment. For a
    /// source that is done with what nobody wants.
    /// </summary>
    public bool WasWanted(string topic) => Array.Exists(_maps, map => map.Match(topic).Count > 0);

    /// <summary>Whether a function wants a topic, or did in one of the two maps before the latest.</summary>
    internal bool WasWanted(string topic, FunctionName function) => Array.Exists(_maps, map => map.Match(topic).Contains(function));

    /// <summary>Waits until some function wants a topic, or none does: for a source that need not read what nobody wants.</summary>
    public async Task UntilAsync(string topic, bool isWanted, CancellationToken ct)
    {
        for (var map = Value; map.Match(topic).Count > 0 != isWanted; map = await NextAsync(map, ct))
        {
        }
    }

    /// <summary>Swaps the map. There is one writer, the refresher.</summary>
    public void Swap(TopicMap map)
    {
        _maps = [map, .. _maps.Take(Kept - 1)];
        _swapped.Set();
    }
}
