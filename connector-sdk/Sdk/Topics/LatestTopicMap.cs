using Connectors.Sdk.Hosting;

namespace Connectors.Sdk.Topics;

/// <summary>The latest topic map: readers take one reference, the refresher swaps it.</summary>
public sealed class LatestTopicMap
{
    private static readonly TopicMap None = new([], "", withPatterns: false);

    private readonly Signal _swapped = new();
    private volatile TopicMap _latest = None;

    /// <summary>The latest map; an empty one before the first.</summary>
    public TopicMap Value => _latest;

    /// <summary>The first map, once there is one.</summary>
    public Task<TopicMap> FirstAsync(CancellationToken ct) => NextAsync(None, ct);

    /// <summary>The latest map as soon as it is another than <paramref name="seen"/>.</summary>
    public async Task<TopicMap> NextAsync(TopicMap seen, CancellationToken ct)
    {
        await _swapped.UntilAsync(() => _latest != seen, ct);
        return _latest;
    }

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
        _latest = map;
        _swapped.Set();
    }
}
