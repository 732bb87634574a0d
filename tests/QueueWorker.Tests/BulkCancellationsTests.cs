using Connectors.QueueWorker.Dispatching;
using Connectors.Streams.Records;
using CsCheck;

namespace Connectors.QueueWorker.Tests;

/// <summary>The bulk cancellations that a worker knows, of which a call is held against the newest alone.</summary>
public sealed class BulkCancellationsTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);

    // Told in any order, told again with another time, taken back, too old: keys, seconds, and what is told.
    [Fact]
    public void The_verdict_is_that_of_holding_the_call_against_each() =>
        Gen.Select(Gen.Int[0, 7], Gen.Int[-10, 10], Gen.Int[0, 5]).Array[0, 30].Sample(told =>
        {
            var known = new BulkCancellations();
            var each = new Dictionary<string, BulkCancellation>();
            foreach (var (key, second, what) in told)
            {
                Tell($"{key}", Start.AddSeconds(second), what);

                Assert.All(Enumerable.Range(0, 8), n => Assert.Equal(each.ContainsKey($"{n}"), known.Contains($"{n}")));
                for (var submitted = -11; submitted <= 11; submitted++)
                {
                    var call = Call(submitted);
                    Assert.Equal(each.Values.Any(one => one.Covers("q", call)), known.Covers("q", call));
                }
            }

            void Tell(string key, DateTimeOffset at, int what)
            {
                if (what == 0)
                {
                    known.Remove(key);
                    each.Remove(key);
                }
                else if (what == 1)
                {
                    known.Forget(before: at);
                    each.Where(one => one.Value.At < at).Select(one => one.Key).ToList().ForEach(old => each.Remove(old));
                }
                else
                {
                    var made = new BulkCancellation
                    {
                        At = at,
                        Queue = what == 2 ? "other" : null,
                        Tag = what == 3 ? "even" : null,
                        Since = what == 4 ? at.AddSeconds(-1) : null,
                    };
                    known.Set(key, made);
                    each[key] = made;
                }
            }
        });

    [Fact]
    public void One_that_was_made_as_a_call_was_submitted_covers_it_and_an_older_one_does_not()
    {
        var known = new BulkCancellations();
        known.Set("newer", new BulkCancellation { At = Start.AddSeconds(5), Tag = "of no call" });
        known.Set("same", new BulkCancellation { At = Start });
        known.Set("older", new BulkCancellation { At = Start.AddSeconds(-5) });

        Assert.True(known.Covers("q", Call(0)));
        Assert.False(known.Covers("q", Call(1)));
        known.Remove("same");
        Assert.False(known.Covers("q", Call(0)));
        Assert.True(known.Covers("q", Call(-5)));
    }

    private static Envelope Call(int second) => Bench.Call() with { Submitted = Start.AddSeconds(second), Tags = second % 2 == 0 ? ["even"] : null };
}
