using Connectors.Sdk.Events;
using Connectors.Sqs.Receiving;

namespace Connectors.Sqs.Tests.Receiving;

public class DemandTests
{
    [Fact]
    public async Task All_receives_together_never_ask_for_more_than_is_free()
    {
        var demand = new Demand(new Slots(15), TimeProvider.System);

        Assert.Equal(new Grant(10, HadToWait: false), await demand.TakeAsync(10, CancellationToken.None));
        Assert.Equal(new Grant(5, HadToWait: false), await demand.TakeAsync(10, CancellationToken.None));
        Assert.False(demand.TakeAsync(10, CancellationToken.None).IsCompleted);
    }

    [Fact]
    public async Task What_is_returned_can_be_asked_for_again()
    {
        var demand = new Demand(new Slots(10), TimeProvider.System);
        _ = await demand.TakeAsync(10, CancellationToken.None);
        var waiting = demand.TakeAsync(10, CancellationToken.None);
        Assert.False(waiting.IsCompleted);

        demand.Return(4);

        Assert.Equal(new Grant(4, HadToWait: true), await waiting);
    }

    [Fact]
    public async Task Waiting_ends_with_the_token()
    {
        var demand = new Demand(new Slots(1), TimeProvider.System);
        _ = await demand.TakeAsync(1, CancellationToken.None);
        using var stop = new CancellationTokenSource();
        var waiting = demand.TakeAsync(1, stop.Token);

        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public async Task Many_takers_share_what_there_is()
    {
        var demand = new Demand(new Slots(7), TimeProvider.System);
        var asked = 0;
        var most = 0;
        var gate = new Lock();

        await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            for (var i = 0; i < 5; i++)
            {
                var (count, _) = await demand.TakeAsync(3, CancellationToken.None);
                lock (gate)
                {
                    asked += count;
                    most = Math.Max(most, asked);
                }

                await Task.Yield();
                lock (gate)
                {
                    asked -= count;
                }

                demand.Return(count);
            }
        }));

        Assert.InRange(most, 1, 7);
        Assert.Equal(0, asked);
    }
}
