using Connectors.QueueWorker.Callbacks;
using CsCheck;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.QueueWorker.Tests;

/// <summary>The shares of receivers, whatever they do.</summary>
public sealed class ReceiverSharesGeneratedTests
{
    // Whatever is begun and ended: what begins at a slow receiver is within the share of all slow ones, one that has nothing running is kept waiting only by
    // others that are slow too, and run or wait.
    [Fact]
    public void Slow_receivers_begin_nothing_beyond_their_share_and_no_slot_is_kept_for_nobody() =>
        Gen.Select(Gen.Int[1, 9], Gen.Select(Gen.Int[0, 5], Gen.Int[0, 3], Gen.Int[0, 20]).Array[0, 120]).Sample((slots, steps) =>
        {
            var (time, slow, waiting, running) = (new FakeTimeProvider(), new HashSet<string>(), new HashSet<string>(), new List<(string Name, Turn Turn)>());
            var shares = new ReceiverShares(slots, TimeSpan.FromSeconds(1), time) { Turned = (name, isSlow, _) => Assert.True(isSlow ? slow.Add(name) : slow.Remove(name)) };
            foreach (var (what, receiver, which) in steps)
            {
                if (what <= 2)
                {
                    Ask($"{receiver}");
                }
                else if (what is 3 or 4 && running.Count > 0)
                {
                    End(running[which % running.Count], isAborted: what == 4 && which > 10);
                }
                else if (what == 5)
                {
                    time.Advance(TimeSpan.FromMilliseconds(200 * which));
                }
            }

            while (running.Count > 0)
            {
                End(running[0], isAborted: false);
            }

            foreach (var name in (string[])["0", "1", "2", "3"])
            {
                Ask(name);
            }

            // As the slots do, which are taken first.
            void Ask(string name)
            {
                if (running.Count == slots)
                {
                    return;
                }

                var turn = shares.TryBegin(name, out var isSlow);
                Assert.Equal(slow.Contains(name), isSlow);
                var held = running.Count(other => slow.Contains(other.Name));
                if (turn is null)
                {
                    var others = waiting.Count(other => other != name && slow.Contains(other));
                    Assert.True(running.Exists(other => other.Name == name) || (isSlow && held + others >= Math.Max(1, slots / 2)));
                    waiting.Add(name);
                    return;
                }

                waiting.Remove(name);
                running.Add((name, turn));
                Assert.True(!isSlow || held < Math.Max(1, slots / 2));
            }

            void End((string Name, Turn Turn) begun, bool isAborted)
            {
                if (!isAborted)
                {
                    begun.Turn.Told();
                }

                begun.Turn.Dispose();
                running.Remove(begun);
            }
        });
}
