namespace Connectors.Sdk.Topics;

/// <summary>The latest topic map: readers take one reference, the refresher swaps it.</summary>
public sealed class LatestTopicMap
{
    private static readonly TopicMap None = new([], "", withPatterns: false);

    // The map, and the promise of the next one: swapped together, so that nobody waits for a map that has already come.
    private volatile Edition _latest = new(None);

    /// <summary>The latest map; an empty one before the first.</summary>
    public TopicMap Value => _latest.Map;

    /// <summary>The first map, once there is one.</summary>
    public Task<TopicMap> FirstAsync(CancellationToken ct) => NextAsync(None, ct);

    /// <summary>The latest map as soon as it is another than <paramref name="seen"/>.</summary>
    public async Task<TopicMap> NextAsync(TopicMap seen, CancellationToken ct)
    {
        var latest = _latest;
        return latest.Map != seen ? latest.Map : await latest.Next.Task.WaitAsync(ct);
    }

    /// <summary>Swaps the map. There is one writer, the refresher.</summary>
    public void Swap(TopicMap map)
    {
        var last = _latest;
        _latest = new Edition(map);
        last.Next.SetResult(map);
    }

    private sealed record Edition(TopicMap Map)
    {
        public TaskCompletionSource<TopicMap> Next { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
