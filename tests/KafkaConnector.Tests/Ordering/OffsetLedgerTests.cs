using System.Globalization;
using Connectors.Kafka.Ordering;
using Connectors.Kafka.Records;

namespace Connectors.Kafka.Tests.Ordering;

public class OffsetLedgerTests
{
    // GENERATED_CASES=20000 for more.
    private static readonly int Cases = int.Parse(Environment.GetEnvironmentVariable("GENERATED_CASES") ?? "1000", CultureInfo.InvariantCulture);

    // A timestamp of the clock's.
    private const long At = 1_000;

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
    public void What_no_consumer_sees_behind_the_last_record_is_passed_once_that_is_done()
    {
        var ledger = new OffsetLedger(5);
        Read(ledger, 5, 6);
        ledger.End(8);
        Assert.Equal(5, ledger.Position);

        ledger.Done(6);
        ledger.Done(5);
        Assert.Equal((8, Record(6)), (ledger.Position, ledger.LastDone));

        ledger.End(9);
        ledger.End(8);
        Assert.Equal((9, Record(6)), (ledger.Position, ledger.LastDone));
        Read(ledger, 9);
        Assert.Equal(9, ledger.Position);
    }

    [Fact]
    public void Of_a_partition_without_records_to_be_read_its_end_is_the_position()
    {
        var ledger = new OffsetLedger(-1);
        ledger.End(5);

        Assert.Equal((5, null), (ledger.Position, ledger.LastDone));
        Read(ledger, 6);
        Assert.Equal(5, ledger.Position);
    }

    [Fact]
    public void The_oldest_unfinished_event_is_known_by_its_time()
    {
        var ledger = new OffsetLedger(0);
        ledger.Read(Record(0), At);
        ledger.Read(Record(1), At + 1);

        Assert.Equal(At, ledger.OldestAt);
        ledger.Done(0);
        Assert.Equal(At + 1, ledger.OldestAt);
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

    [Fact]
    public void It_says_what_a_ledger_that_remembers_everything_says()
    {
        for (var seed = 1; seed <= Cases; seed++)
        {
            var random = new Random(seed);
            var begin = random.Next(3) switch { 0 => -1L, 1 => 0, _ => random.Next(100) };
            var (ledger, naive) = (new OffsetLedger(begin), new NaiveLedger(begin));
            var (open, next, bias) = (new List<long>(), begin + random.Next(4), random.NextDouble());
            for (var step = 0; step < 100; step++)
            {
                if (random.Next(20) == 0)
                {
                    // Nothing lies between the last record and here, or that is known already.
                    var end = Math.Max(0, next + random.Next(-2, 4));
                    naive.End(end);
                    ledger.End(end);
                    next = Math.Max(next, end);
                }
                else if (open.Count == 0 || random.NextDouble() < bias)
                {
                    // Now and then the client goes back, and offsets have gaps.
                    var (record, at) = (Record(Math.Max(0, random.Next(10) == 0 ? next - random.Next(1, 5) : next)), At + step);
                    var isNew = naive.Read(record, at);
                    Assert.Equal(isNew, ledger.Read(record, at));
                    if (isNew)
                    {
                        open.Add(record.Offset);
                        next = record.Offset + 1 + (random.Next(3) == 0 ? random.Next(5) : 0);
                    }
                }
                else
                {
                    var done = open[random.Next(open.Count)];
                    open.Remove(done);
                    naive.Done(done);
                    ledger.Done(done);
                }

                Assert.Equal(
                    (seed, step, naive.Position, naive.LastDone, naive.OldestAt, naive.DoneAhead),
                    (seed, step, ledger.Position, ledger.LastDone, ledger.OldestAt, ledger.DoneAhead));
                Assert.Equal(open.Count, ledger.Count);
            }
        }
    }

    [Fact]
    public void Beside_one_that_stays_unfinished_it_remembers_only_what_is_unfinished()
    {
        var ledger = new OffsetLedger(0);
        Read(ledger, 0);
        for (var offset = 10L; offset < 1_000_000; offset += 10)
        {
            Read(ledger, offset, offset + 1, offset + 3);
            ledger.Done(offset + 1);
            ledger.Done(offset);
            ledger.Done(offset + 3);
            Assert.Equal(1, ledger.Count);
        }

        Assert.Equal(0, ledger.Position);
        Assert.Equal(3 * 99_999, ledger.DoneAhead);
        ledger.Done(0);

        Assert.Equal((0, 0L, 999_994L, Record(999_993)), (ledger.Count, ledger.DoneAhead, ledger.Position, ledger.LastDone));
    }

    // Of a print of its own, so that no two are taken for one another.
    private static LastRecord Record(long offset) => new(offset, (ulong)offset * 31);

    private static void Read(OffsetLedger ledger, params long[] offsets) => Assert.All(offsets, offset => Assert.True(ledger.Read(Record(offset), At)));

    private sealed class NaiveLedger(long position)
    {
        private readonly List<(LastRecord Record, long At)> _read = [];
        private readonly HashSet<long> _done = [];
        private long _last = position - 1;

        public long Position { get; private set; } = position;

        public LastRecord? LastDone => Below is { Count: > 0 } below ? below[^1].Record : null;

        public long DoneAhead => _done.Count - Below.Count;

        public long? OldestAt => Below.Count < _read.Count ? _read[Below.Count].At : null;

        private List<(LastRecord Record, long At)> Below => [.. _read.TakeWhile(read => _done.Contains(read.Record.Offset))];

        public bool Read(LastRecord record, long at)
        {
            if (record.Offset <= _last)
            {
                return false;
            }

            Position = Position < 0 ? record.Offset : Position;
            _last = record.Offset;
            _read.Add((record, at));
            return true;
        }

        public void End(long offset)
        {
            _last = Math.Max(_last, offset - 1);
            Position = Below.Count == _read.Count ? Math.Max(Position, _last + 1) : Position;
        }

        public void Done(long offset)
        {
            var below = Below.Count;
            _done.Add(offset);
            if (Below.Count is var now && now > below)
            {
                Position = now < _read.Count ? _read[now].Record.Offset : _last + 1;
            }
        }
    }
}
