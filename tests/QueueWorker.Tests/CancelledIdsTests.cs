using Connectors.QueueWorker.Dispatching;
using Connectors.Streams.Records;
using CsCheck;

namespace Connectors.QueueWorker.Tests;

/// <summary>The cancelled ids that a worker knows, of which it keeps hashes and times.</summary>
public sealed class CancelledIdsTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);

    // Told in any order, told again with another time, taken back, too old: ids, milliseconds, and what is told.
    [Fact]
    public void The_verdict_is_that_of_keeping_each_by_its_key() =>
        Gen.Select(Gen.OneOf(Gen.Const("a"), Gen.Const("a.b"), Gen.Const("A"), Gen.Const("5f1b7c86-6c1e-4a8e-9a53-0d3f1c8f2a77"), Gen.Const("caf\u00e9")), Gen.Int[-3000, 3000], Gen.Int[0, 4]).Array[0, 20].Sample(told =>
        {
            var known = new CancelledIds();
            var each = new Dictionary<string, Cancellation>();
            foreach (var (id, milliseconds, what) in told)
            {
                var (key, made) = (StreamNames.Token(id), new Cancellation(Start.AddMilliseconds(milliseconds)));
                if (what == 0)
                {
                    known.Remove(key);
                    each.Remove(key);
                }
                else if (what == 1)
                {
                    known.Forget(before: made.At);
                    each.Where(one => one.Value.At < made.At).Select(one => one.Key).ToList().ForEach(old => each.Remove(old));
                }
                else
                {
                    Assert.Equal(!(each.TryGetValue(key, out var last) && last == made), known.Set(key, made));
                    each[key] = made;
                }

                Assert.Equal(each.Count, known.Count);
                foreach (var call in from other in told from submitted in new[] { -1001, -1000, 0, 1 } from redrive in new[] { 0, 1 } select Call(other.Item1, other.Item2 + submitted, redrive))
                {
                    Assert.Equal(each.TryGetValue(StreamNames.Token(call.CallId), out var one) && one.Covers(call), known.Covers(call));
                }
            }
        });

    [Fact]
    public void Hundreds_of_thousands_are_told_apart()
    {
        const int count = 300_000;
        var known = new CancelledIds();
        for (var i = 0; i < count; i++)
        {
            Assert.True(known.Set($"id-{i}", new Cancellation(Start.AddSeconds(i))));
        }

        Assert.Equal(count, known.Count);
        Assert.True(known.Covers(Call("id-7", 7000, redrive: 1)));
        Assert.False(known.Covers(Call("id-7", 7001, redrive: 1)));
        Assert.False(known.Covers(Call($"id-{count}", 0, redrive: 1)));

        known.Forget(before: Start.AddSeconds(count - 10));

        Assert.Equal(10, known.Count);
        Assert.False(known.Covers(Call("id-7", 0, redrive: 0)));
        Assert.True(known.Covers(Call($"id-{count - 1}", 0, redrive: 0)));
    }

    private static Envelope Call(string id, int milliseconds, int redrive) => Bench.Call() with { CallId = id, Submitted = Start.AddMilliseconds(milliseconds), Redrive = redrive };
}
