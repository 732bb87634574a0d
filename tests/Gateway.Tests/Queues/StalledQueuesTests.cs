using Connectors.Gateway.Queues;

namespace Connectors.Gateway.Tests.Queues;

public class StalledQueuesTests
{
    private readonly StalledQueues _queues = new(TimeSpan.FromSeconds(60));

    [Fact]
    public void A_queue_is_told_of_once_when_its_time_is_over_and_once_when_calls_are_taken_again()
    {
        Assert.Equal(new StalledLook(TimeSpan.Zero, StalledNews.None), See(0, isTaken: false));
        Assert.Equal(new StalledLook(TimeSpan.FromSeconds(59), StalledNews.None), See(59, isTaken: false));
        Assert.Equal(new StalledLook(TimeSpan.FromSeconds(60), StalledNews.Stalled), See(60, isTaken: false));
        Assert.Equal(new StalledLook(TimeSpan.FromSeconds(70), StalledNews.None), See(70, isTaken: false));
        Assert.Equal(new StalledLook(TimeSpan.Zero, StalledNews.Moving), See(80, isTaken: true));
        Assert.Equal(new StalledLook(TimeSpan.Zero, StalledNews.None), See(90, isTaken: true));
    }

    [Fact]
    public void A_short_wait_is_forgotten_and_queues_do_not_mix()
    {
        See(0, isTaken: false);
        _queues.See("other", isTaken: false, TimeSpan.Zero);
        Assert.Equal(StalledNews.None, See(50, isTaken: true).News);

        Assert.Equal(new StalledLook(TimeSpan.Zero, StalledNews.None), See(55, isTaken: false));
        Assert.Equal(StalledNews.None, See(70, isTaken: false).News);
        Assert.Equal(StalledNews.Stalled, _queues.See("other", isTaken: false, TimeSpan.FromSeconds(70)).News);
    }

    private StalledLook See(int second, bool isTaken) => _queues.See("q", isTaken, TimeSpan.FromSeconds(second));
}
