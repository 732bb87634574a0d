using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Tests;

/// <summary>When the probes of an open breaker are due (R23 of docs/delivery-states.md).</summary>
public class OpenBreakerTests
{
    // Written and heard in the same second; hours are what a clock was ahead when it was written.
    [Theory]
    [InlineData(0, 0, 10)]
    [InlineData(3, 0, 10)]
    [InlineData(3, 4, 6)]
    [InlineData(3, 10, 0)]
    [InlineData(-3, 0, -3 * 3600 + 10)]
    public void A_probe_is_due_no_later_than_its_wait_after_it_was_heard_of(int hoursAhead, int heardAgo, int dueIn)
    {
        var now = new DateTimeOffset(2026, 5, 4, 12, 0, 0, TimeSpan.Zero);
        var written = now.AddHours(hoursAhead);
        var breaker = new OpenBreaker { At = written, ProbeAt = written.AddSeconds(10), Wait = TimeSpan.FromSeconds(10) };

        Assert.Equal(now.AddSeconds(dueIn), breaker.DueAt(now, TimeSpan.FromSeconds(heardAgo)));
    }

    [Fact]
    public void Probes_come_at_growing_intervals_up_to_the_longest()
    {
        var now = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
        var breaker = new OpenBreaker { At = now, ProbeAt = now.AddSeconds(10), Wait = TimeSpan.FromSeconds(10), MaxWait = TimeSpan.FromSeconds(50) };
        var waits = new List<double>();
        for (var probe = 0; probe < 5; probe++)
        {
            breaker = breaker.Probed(breaker.ProbeAt);
            waits.Add(breaker.Wait.TotalSeconds);
        }

        Assert.Equal([20, 40, 50, 50, 50], waits);
        Assert.Equal(now.AddSeconds(10 + 20 + 40 + 50 + 50 + 50), breaker.ProbeAt);
    }

    [Theory]
    [InlineData(10, 50, 10)]
    [InlineData(40, 50, 25)]
    [InlineData(50, 50, 25)]
    [InlineData(10, 5, 10)]
    public void Probes_that_are_not_sent_make_the_next_wait_no_longer_and_no_shorter(int wait, int max, int released)
    {
        var now = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
        var claimed = new OpenBreaker { At = now, ProbeAt = now, Wait = TimeSpan.FromSeconds(wait), MaxWait = TimeSpan.FromSeconds(max) }.Probed(now);
        var breaker = claimed;
        for (var probe = 1; probe <= 5; probe++)
        {
            breaker = breaker.Released(now.AddSeconds(probe));
            Assert.Equal((TimeSpan.FromSeconds(released), now.AddSeconds(probe)), (breaker.Wait, breaker.ProbeAt));
            breaker = breaker.Probed(now.AddSeconds(probe));
            Assert.Equal(claimed.Wait, breaker.Wait);
        }
    }
}
