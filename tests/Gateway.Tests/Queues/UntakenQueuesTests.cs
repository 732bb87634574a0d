using Connectors.Gateway.Queues;

namespace Connectors.Gateway.Tests.Queues;

public class UntakenQueuesTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private readonly UntakenQueues _queues = new(TimeSpan.FromSeconds(60));

    [Fact]
    public void A_queue_is_told_of_once_when_its_time_is_over_and_once_when_calls_are_taken_again()
    {
        Assert.Equal(new UntakenLook(TimeSpan.Zero, UntakenNews.None), See(0, isTaken: false));
        Assert.Equal(new UntakenLook(TimeSpan.FromSeconds(59), UntakenNews.None), See(59, isTaken: false));
        Assert.Equal(new UntakenLook(TimeSpan.FromSeconds(60), UntakenNews.Untaken), See(60, isTaken: false));
        Assert.Equal(new UntakenLook(TimeSpan.FromSeconds(70), UntakenNews.None), See(70, isTaken: false));
        Assert.Equal(new UntakenLook(TimeSpan.Zero, UntakenNews.TakenAgain), See(80, isTaken: true));
        Assert.Equal(new UntakenLook(TimeSpan.Zero, UntakenNews.None), See(90, isTaken: true));
    }

    [Fact]
    public void A_short_wait_is_forgotten_and_queues_do_not_mix()
    {
        See(0, isTaken: false);
        _queues.See("other", isTaken: false, Start);
        Assert.Equal(UntakenNews.None, See(50, isTaken: true).News);

        Assert.Equal(new UntakenLook(TimeSpan.Zero, UntakenNews.None), See(55, isTaken: false));
        Assert.Equal(UntakenNews.None, See(70, isTaken: false).News);
        Assert.Equal(UntakenNews.Untaken, _queues.See("other", isTaken: false, Start.AddSeconds(70)).News);
    }

    private UntakenLook See(int second, bool isTaken) => _queues.See("q", isTaken, Start.AddSeconds(second));
}
