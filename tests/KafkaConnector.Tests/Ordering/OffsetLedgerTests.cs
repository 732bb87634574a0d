using Connectors.Kafka.Ordering;
using Connectors.Kafka.Records;

namespace Connectors.Kafka.Tests.Ordering;

public class OffsetLedgerTests
{
    private static readonly DateTimeOffset At = DateTimeOffset.UnixEpoch;

    [Fact]
    public void What_is_done_out_of_order_waits_for_what_lies_below()
    {
        var ledger = new OffsetLedger(10);
        Read(ledger, 10, 11, 12);

        ledger.Done(12);
        ledger.Done(11);
        Assert.Equal(10, ledger.Position);

        ledger.Done(10);
        Assert.Equal(13, ledger.Position);
    }

    [Fact]
    public void Gaps_between_offsets_are_passed()
    {
        var ledger = new OffsetLedger(10);
        Read(ledger, 15, 20);

        Assert.Equal(10, ledger.Position);
        ledger.Done(15);
        Assert.Equal(20, ledger.Position);
        ledger.Done(20);
        Assert.Equal(21, ledger.Position);
    }

    [Fact]
    public void Without_a_position_the_first_record_tells()
    {
        var ledger = new OffsetLedger(-1);

        Assert.Equal(-1, ledger.Position);
        Read(ledger, 0);
        Assert.Equal(0, ledger.Position);
    }

    [Fact]
    public void What_was_read_before_is_not_read_again()
    {
        var ledger = new OffsetLedger(5);
        Read(ledger, 5, 6);
        ledger.Done(5);

        Assert.False(ledger.Read(Record(4), At));
        Assert.False(ledger.Read(Record(5), At));
        Assert.False(ledger.Read(Record(6), At));
        Assert.True(ledger.Read(Record(7), At));
    }

    [Fact]
    public void The_oldest_unfinished_event_is_known_by_its_time()
    {
        var ledger = new OffsetLedger(0);
        ledger.Read(Record(0), At);
        ledger.Read(Record(1), At.AddSeconds(1));

        Assert.Equal(At, ledger.OldestAt);
        ledger.Done(0);
        Assert.Equal(At.AddSeconds(1), ledger.OldestAt);
        ledger.Done(1);
        Assert.Null(ledger.OldestAt);
    }

    [Fact]
    public void The_position_is_always_the_lowest_unfinished_offset()
    {
        var random = new Random(1);
        for (var round = 0; round < 200; round++)
        {
            var ledger = new OffsetLedger(0);
            var (open, read) = (new SortedSet<long>(), new SortedSet<long>());
            var last = -1L;
            for (var step = 0; step < 200; step++)
            {
                if (open.Count == 0 || random.Next(2) == 0)
                {
                    last += 1 + random.Next(3);
                    Assert.True(ledger.Read(Record(last), At));
                    open.Add(last);
                    read.Add(last);
                }
                else
                {
                    var done = open.ElementAt(random.Next(open.Count));
                    open.Remove(done);
                    ledger.Done(done);
                }

                // Above all that is done without a gap, and not above anything unfinished.
                var lowestOpen = open.Count > 0 ? open.Min : last + 1;
                var highestDone = read.Where(offset => offset < lowestOpen).DefaultIfEmpty(-1).Last();
                Assert.InRange(ledger.Position, highestDone + 1, lowestOpen);
            }
        }
    }

    [Fact]
    public void The_last_record_below_the_position_is_known()
    {
        var ledger = new OffsetLedger(0);
        Read(ledger, 0, 3, 5);

        ledger.Done(3);
        Assert.Null(ledger.LastDone);
        ledger.Done(0);
        Assert.Equal(Record(3), ledger.LastDone);
    }

    // Of a print of its own, so that no two are taken for one another.
    private static LastRecord Record(long offset) => new(offset, (ulong)offset * 31);

    private static void Read(OffsetLedger ledger, params long[] offsets) => Assert.All(offsets, offset => Assert.True(ledger.Read(Record(offset), At)));
}
