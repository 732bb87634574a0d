using Connectors.Sdk.Events;

namespace Connectors.Sdk.Tests.Events;

public class SlotsTests
{
    [Fact]
    public async Task Waiting_ends_as_soon_as_one_is_free_and_takes_none()
    {
        var slots = new Slots(2);
        slots.Take();
        slots.Take();
        var waiting = Enumerable.Range(0, 3).Select(_ => slots.WhenFreeAsync(CancellationToken.None)).ToList();
        Assert.All(waiting, w => Assert.False(w.IsCompleted));

        slots.Release();
        await Task.WhenAll(waiting);

        Assert.Equal((2, 1), (slots.Total, slots.Free));
    }

    [Fact]
    public async Task All_free_is_waited_for_through_every_change()
    {
        var slots = new Slots(3);
        slots.Take();
        slots.Take();
        var all = slots.WhenFreeAsync(3, CancellationToken.None);

        slots.Release();
        slots.Take();
        slots.Release();
        Assert.False(all.IsCompleted);
        slots.Release();

        await all;
    }

    [Fact]
    public async Task Waiting_can_be_given_up()
    {
        using var soon = new CancellationTokenSource();
        var slots = new Slots(1);
        slots.Take();
        var waiting = slots.WhenFreeAsync(soon.Token);

        await soon.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }
}
