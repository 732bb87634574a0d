using Connectors.Sdk.Topics;

namespace Connectors.Sdk.Tests.Topics;

public class LatestTopicMapTests
{
    private readonly LatestTopicMap _latest = new();

    [Fact]
    public async Task Who_waits_for_the_first_map_gets_it()
    {
        var first = _latest.FirstAsync(CancellationToken.None);
        Assert.False(first.IsCompleted);
        var map = new TopicMap([], ",", withPatterns: false);

        _latest.Swap(map);

        Assert.Same(map, await first);
        Assert.Same(map, await _latest.FirstAsync(CancellationToken.None));
        Assert.Same(map, _latest.Value);
    }

    [Fact]
    public async Task Who_has_seen_a_map_waits_for_the_next_one_only_if_there_is_none_yet()
    {
        var (one, two) = (new TopicMap([], ",", withPatterns: false), new TopicMap([], ",", withPatterns: false));
        _latest.Swap(one);
        var next = _latest.NextAsync(one, CancellationToken.None);
        Assert.False(next.IsCompleted);

        _latest.Swap(two);

        Assert.Same(two, await next);
        Assert.Same(two, await _latest.NextAsync(one, CancellationToken.None));
    }

    [Fact]
    public async Task Waiting_can_be_given_up()
    {
        using var soon = new CancellationTokenSource();
        var first = _latest.FirstAsync(soon.Token);

        await soon.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
    }
}
