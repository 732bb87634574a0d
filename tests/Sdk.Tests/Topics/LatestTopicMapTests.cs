using Connectors.Sdk.Invocation;
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
    public async Task Who_waits_for_a_topic_to_be_wanted_or_not_is_told_when_it_is_so()
    {
        var wanting = new TopicMap([new Function(new FunctionName("f", "ns"), new Dictionary<string, string> { ["topic"] = "orders" })], ",", withPatterns: false);
        var empty = new TopicMap([], ",", withPatterns: false);
        _latest.Swap(empty);
        await _latest.UntilAsync("orders", isWanted: false, CancellationToken.None);
        var wanted = _latest.UntilAsync("orders", isWanted: true, CancellationToken.None);
        Assert.False(wanted.IsCompleted);

        _latest.Swap(wanting);
        await wanted;
        var unwanted = _latest.UntilAsync("orders", isWanted: false, CancellationToken.None);
        Assert.False(unwanted.IsCompleted);
        _latest.Swap(empty);
        await unwanted;
    }

    [Fact]
    public void What_one_of_the_two_maps_before_the_latest_wanted_was_wanted()
    {
        var function = new FunctionName("f", "ns");
        Assert.False(_latest.WasWanted("orders"));
        _latest.Swap(new TopicMap([new Function(function, new Dictionary<string, string> { ["topic"] = "orders" })], ",", withPatterns: false));

        for (var without = 0; without < 3; without++)
        {
            Assert.True(_latest.WasWanted("orders"));
            Assert.True(_latest.WasWanted("orders", function));
            Assert.False(_latest.WasWanted("orders", function with { Name = "g" }));
            Assert.False(_latest.WasWanted("others"));
            _latest.Swap(new TopicMap([], ",", withPatterns: false));
        }

        Assert.False(_latest.WasWanted("orders"));
        Assert.False(_latest.WasWanted("orders", function));
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
