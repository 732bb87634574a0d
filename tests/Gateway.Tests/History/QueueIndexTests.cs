using Connectors.Gateway.History;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Tests.History;

/// <summary>The index in memory: what it takes, and in which order it finds.</summary>
public sealed class QueueIndexTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    [Fact]
    public void A_short_history_takes_little_memory()
    {
        const int Queues = 1_000;
        const int Most = 8 * 1024;
        var line = HistorySeed.Encode(HistorySeed.Call());
        new QueueIndex().Add(1, line);
        var indices = new List<QueueIndex>(Queues);

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var queue = 0; queue < Queues; queue++)
        {
            var index = new QueueIndex();
            index.Add(1, line);
            indices.Add(index);
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 1, Queues * Most);
        Assert.All(indices, index => Assert.Equal(1, index.Count));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(2_048)]
    [InlineData(5_000)]
    public void Lines_are_found_by_pages_in_the_order_of_their_ends_whatever_that_of_their_streams(int count)
    {
        // Each queue has them in another order; every third end is that of another line too, in each queue.
        int[] strides = [1, 1_009, 4_993];
        var index = new CallIndex(new HistoryOptions(1_000_000));
        foreach (var stride in strides)
        {
            var queue = index.Begin($"q{stride}");
            for (var i = 0; i < count; i++)
            {
                queue.Add((ulong)i + 1, HistorySeed.Encode(Call(i * stride % count)));
            }
        }

        var found = new List<IndexedLine>();
        IReadOnlyList<IndexedLine> page;
        do
        {
            page = index.Find(only: null, found.Count > 0 ? found[^1] : null, new IndexFilter(), max: 97);
            found.AddRange(page);
        }
        while (page.Count > 0);

        Assert.Equal(strides.Length * count, found.Distinct().Count());
        Assert.Equal(strides.Length * count, found.Count);
        Assert.Equal(found.Select(line => line.Ended).OrderDescending(), found.Select(line => line.Ended));

        static EndedCall Call(int line) => HistorySeed.Call(ended: Start.AddMilliseconds(line / 3));
    }

    [Fact]
    public void What_is_left_after_the_oldest_were_forgotten_is_found_by_time_and_queue()
    {
        var index = new CallIndex(new HistoryOptions(1_000_000));
        var (one, other) = (index.Begin("one"), index.Begin("other"));
        for (var i = 0; i < 5_000; i++)
        {
            one.Add((ulong)i + 1, HistorySeed.Encode(HistorySeed.Call(ended: Start.AddSeconds(i))));
        }

        other.Add(1, HistorySeed.Encode(HistorySeed.Call(ended: Start)));
        one.DropBefore(2_001);
        var since = new IndexFilter { Since = Start.AddSeconds(4_990).ToUnixTimeMilliseconds() };

        Assert.Equal(3_001, index.Find(only: null, behind: null, new IndexFilter(), max: 10_000).Count);
        Assert.Equal(10, index.Find(only: null, behind: null, since, max: 1_000).Count);
        Assert.Equal(["other"], index.Find("other", behind: null, new IndexFilter(), max: 1_000).Select(line => line.Queue));
        Assert.Equal(Start.AddSeconds(2_000), one.OldestAt);
    }

    [Fact]
    public void A_place_is_read_as_it_was_written_and_what_is_none_is_not()
    {
        var begin = new PageBegin(new IndexedLine("faas-request", new Place(8_123, 17), -5), "0a1b2c3d");

        Assert.Equal(begin, PageBegin.TryParse(begin.ToString()));
        Assert.All(new[] { "", "7", "5.No.1.1.a", "5.q.1.1", "5.q.-1.1.a", "5.q.1.70000.a", "x.q.1.1.a", "5.q.1.1.a.b" }, text => Assert.Null(PageBegin.TryParse(text)));
    }
}
