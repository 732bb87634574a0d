using Connectors.Sdk.Events;
using Connectors.Sqs.Receiving;
using Connectors.Testing;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Sqs.Tests.Receiving;

public class ReservationsTests
{
    [Fact]
    public async Task All_receives_together_never_ask_for_more_than_is_free()
    {
        var reservations = new Reservations(new Slots(15), TimeProvider.System);

        Assert.Equal(new Reservation(10, HadToWait: false), await reservations.ReserveAsync(10, CancellationToken.None));
        Assert.Equal(new Reservation(5, HadToWait: false), await reservations.ReserveAsync(10, CancellationToken.None));
        Assert.False(reservations.ReserveAsync(10, CancellationToken.None).IsCompleted);
    }

    [Fact]
    public async Task What_is_returned_can_be_asked_for_again()
    {
        var reservations = new Reservations(new Slots(10), TimeProvider.System);
        _ = await reservations.ReserveAsync(10, CancellationToken.None);
        var waiting = reservations.ReserveAsync(10, CancellationToken.None);
        Assert.False(waiting.IsCompleted);

        reservations.Release(4);

        Assert.Equal(new Reservation(4, HadToWait: true), await waiting);
    }

    [Fact]
    public async Task As_many_as_are_asked_for_wait_for_no_others()
    {
        var reservations = new Reservations(new Slots(20), new FakeTimeProvider());
        _ = await reservations.ReserveAsync(20, CancellationToken.None);
        var waiting = reservations.ReserveAsync(10, CancellationToken.None);

        reservations.Release(4);
        Assert.False(waiting.IsCompleted);
        reservations.Release(6);

        Assert.Equal(new Reservation(10, HadToWait: true), await waiting.WaitAsync(Eventually.Patience, TimeProvider.System));
    }

    [Fact]
    public async Task What_came_without_a_reservation_counts_until_it_has_its_slot()
    {
        var reservations = new Reservations(new Slots(2), TimeProvider.System);
        reservations.Came(3);
        var waiting = reservations.ReserveAsync(10, CancellationToken.None);
        Assert.False(waiting.IsCompleted);

        reservations.Release(2);

        Assert.Equal(1, (await waiting).Count);
    }

    [Fact]
    public async Task Waiting_ends_with_the_token()
    {
        var reservations = new Reservations(new Slots(1), TimeProvider.System);
        _ = await reservations.ReserveAsync(1, CancellationToken.None);
        using var stop = new CancellationTokenSource();
        var waiting = reservations.ReserveAsync(1, stop.Token);

        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public async Task Many_takers_share_what_there_is()
    {
        var reservations = new Reservations(new Slots(7), TimeProvider.System);
        var asked = 0;
        var most = 0;
        var gate = new Lock();

        await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            for (var i = 0; i < 5; i++)
            {
                var (count, _) = await reservations.ReserveAsync(3, CancellationToken.None);
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

                reservations.Release(count);
            }
        }));

        Assert.InRange(most, 1, 7);
        Assert.Equal(0, asked);
    }
}
