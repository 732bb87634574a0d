using Connectors.RabbitMq.Settling;
using Connectors.Sdk.Topics;

namespace Connectors.RabbitMq.Tests;

/// <summary>What a queue waits for before it is consumed again.</summary>
public class OutageEndTests
{
    private readonly LatestTopicMap _topics = new();
    private readonly Outage _outage;

    public OutageEndTests() => _outage = new Outage(_topics, TimeProvider.System);

    [Fact]
    public async Task A_gateway_that_is_away_is_waited_for_until_it_lists_its_functions()
    {
        _outage.Meet();
        var over = OverAsync();
        Assert.False(over.IsCompleted);

        List();

        await over;
    }

    [Fact]
    public void One_that_has_listed_them_since_its_calls_failed_is_not()
    {
        _outage.Meet();

        List();

        Assert.True(OverAsync().IsCompletedSuccessfully);
    }

    [Fact]
    public void Nor_is_one_that_a_call_has_reached_or_that_is_away_for_moments()
    {
        Assert.True(OverAsync().IsCompletedSuccessfully);
        _outage.Meet();
        Assert.True(_outage.OverAsync(TimeSpan.FromHours(1), CancellationToken.None).IsCompletedSuccessfully);

        _outage.End();

        Assert.True(OverAsync().IsCompletedSuccessfully);
    }

    private Task OverAsync() => _outage.OverAsync(TimeSpan.Zero, CancellationToken.None);

    private void List() => _topics.Swap(new TopicMap([], ",", withPatterns: false));
}
