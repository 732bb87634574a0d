using Connectors.Streams.Nats;
using Connectors.Testing;
using CsCheck;

namespace Connectors.Streams.Tests.Nats;

/// <summary>Bytes that may be in use at once.</summary>
public sealed class RoomTests
{
    private const int Total = 10;

    /// <summary>Whatever is taken, given back and given up: never more than there is, in the order of coming, and nobody waits for what is free.</summary>
    [Fact]
    public Task Who_finds_too_few_free_waits_in_turn() => Gen.Select(Gen.Int[0, 3], Gen.Int[1, 14]).Array[1, 60].SampleAsync(async steps =>
    {
        var room = new Room(Total);
        var open = new List<(int Bytes, Task Taken, CancellationTokenSource GivenUp)>();
        foreach (var (kind, number) in steps)
        {
            if (kind < 2 || open.Count == 0)
            {
                var end = new CancellationTokenSource();
                open.Add((number, room.TakeAsync(number, end.Token), end));
            }
            else
            {
                var one = open[number % open.Count];
                open.Remove(one);
                if (one.Taken.IsCompletedSuccessfully)
                {
                    room.Release(one.Bytes);
                }
                else
                {
                    await one.GivenUp.CancelAsync();
                    await Assert.ThrowsAnyAsync<OperationCanceledException>(() => one.Taken);
                }
            }

            // What is taken at once: all that fit, in their order; none that stands behind one that does not.
            var left = Total;
            var expected = open.TakeWhile(wish => (left -= Math.Min(wish.Bytes, Total)) >= 0).Count();
            await Task.WhenAll(open.Take(expected).Select(wish => wish.Taken)).WaitAsync(Eventually.Patience, TimeProvider.System);
            Assert.All(open.Skip(expected), wish => Assert.False(wish.Taken.IsCompleted));
        }

        open.ForEach(wish => wish.GivenUp.Dispose());
    });
}
