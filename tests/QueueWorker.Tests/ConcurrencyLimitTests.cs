using Connectors.QueueWorker.Consuming;

namespace Connectors.QueueWorker.Tests;

/// <summary>A simulated function with room for a few, a backlog without end, and a worker of fifty slots; time is simulated, chance is seeded.</summary>
public sealed class ConcurrencyLimitTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void It_settles_follows_a_change_and_comes_back(int seed)
    {
        var limited = new Simulation(seed, new ConcurrencyLimit(50));
        var greedy = new Simulation(seed, null);

        var settled = limited.Run(room: 5, calls: 4_000);
        var grown = limited.Run(room: 20, calls: 8_000);
        var back = limited.Run(room: 5, calls: 4_000);
        var without = new[] { greedy.Run(5, 4_000), greedy.Run(20, 8_000), greedy.Run(5, 4_000) };

        output.WriteLine($"room 5: {settled}; room 20: {grown}; room 5 again: {back}; without: {string.Join("; ", without)}");
        Assert.InRange(settled.TypicalLimit, 4, 6);
        Assert.InRange(grown.TypicalLimit, 17, 22);
        Assert.InRange(back.TypicalLimit, 4, 6);
        Assert.True(settled.Refused / (double)settled.Sent < without[0].Refused / (double)without[0].Sent / 10);
        Assert.True(grown.Refused / (double)grown.Sent < without[1].Refused / (double)without[1].Sent / 10);
        Assert.True(back.Refused / (double)back.Sent < without[2].Refused / (double)without[2].Sent / 10);
    }

    [Fact]
    public void It_never_falls_below_one_nor_rises_above_the_most()
    {
        var limit = new ConcurrencyLimit(3);
        limit.Refused(1);
        limit.Refused(0);
        Assert.Equal(1, limit.Current);

        for (var i = 0; i < 10_000; i++)
        {
            limit.Took(limit.Current);
        }

        Assert.Equal(3, limit.Current);
    }

    [Fact]
    public void A_limit_that_does_not_bind_is_not_raised()
    {
        var limit = new ConcurrencyLimit(50);
        limit.Took(1);
        Assert.Equal(2, limit.Current);

        for (var i = 0; i < 1_000; i++)
        {
            limit.Took(1);
        }

        Assert.Equal(2, limit.Current);
    }

    private sealed record Share(int Sent, int Refused, int TypicalLimit)
    {
        public override string ToString() => $"limit {TypicalLimit}, {Refused} of {Sent} refused ({100.0 * Refused / Sent:F1} %)";
    }

    private sealed class Simulation(int seed, ConcurrencyLimit? limit)
    {
        private const double RefusalTime = 0.002;
        private readonly Random _random = new(seed);

        public Share Run(int room, int calls)
        {
            var ends = new PriorityQueue<bool, double>();
            var (now, taken, running, sent, refused, done) = (0.0, 0, 0, 0, 0, 0);
            var limits = new List<int>();
            while (done < calls)
            {
                while (running < Math.Min(50, limit?.Current ?? 50))
                {
                    var isTaken = taken < room;
                    taken += isTaken ? 1 : 0;
                    running++;
                    sent++;
                    ends.Enqueue(isTaken, now + (isTaken ? 0.02 + (_random.NextDouble() * 0.06) : RefusalTime));
                }

                ends.TryDequeue(out var wasTaken, out now);
                if (wasTaken)
                {
                    limit?.Took(running);
                    taken--;
                    done++;
                    limits.Add(limit?.Current ?? 50);
                }
                else
                {
                    limit?.Refused(running);
                    refused++;
                }

                running--;
            }

            // The median of the second half: what it settled at, probes and all.
            var late = limits[(limits.Count / 2)..].Order().ToList();
            return new Share(sent, refused, late[late.Count / 2]);
        }
    }
}
