using Connectors.Sdk.Events;
using CsCheck;

namespace Connectors.Sdk.Tests.Events;

public class LanesTests
{
    [Fact]
    public void Whatever_comes_and_goes_each_key_goes_in_order_one_at_a_time_and_nothing_is_left_behind()
    {
        // A number is a key of what comes (0 for none), or, if negative, which of those that went leaves.
        Gen.Int[-5, 4].Array[0, 60].Sample(steps =>
        {
            var lanes = new Lanes<(string? Key, int Ordinal)>();
            var (gone, running, entered) = (new List<(string? Key, int Ordinal)>(), new List<(string? Key, int Ordinal)>(), 0);
            foreach (var step in steps)
            {
                if (step >= 0)
                {
                    var item = (step == 0 ? null : $"k{step}", entered++);
                    if (lanes.Enter(item.Item1, item))
                    {
                        Go(item);
                    }
                }
                else if (running.Count > 0)
                {
                    Leave(running[-step % running.Count]);
                }
            }

            while (running.Count > 0)
            {
                Leave(running[0]);
            }

            Assert.Equal(entered, gone.Count);
            Assert.All(gone.Where(g => g.Key is not null).GroupBy(g => g.Key), key => Assert.Equal(key.OrderBy(g => g.Ordinal), key));

            void Go((string? Key, int Ordinal) item)
            {
                Assert.DoesNotContain(running, o => o.Key is not null && o.Key == item.Key);
                gone.Add(item);
                running.Add(item);
            }

            void Leave((string? Key, int Ordinal) item)
            {
                running.Remove(item);
                if (lanes.Leave(item.Key, out var next))
                {
                    Go(next);
                }
            }
        });
    }

    [Fact]
    public void Cleared_it_lets_every_key_go_again()
    {
        var lanes = new Lanes<int>();
        lanes.Enter("a", 1);
        lanes.Enter("a", 2);

        lanes.Clear();

        Assert.True(lanes.Enter("a", 3));
        Assert.False(lanes.Leave("a", out _));
    }
}
