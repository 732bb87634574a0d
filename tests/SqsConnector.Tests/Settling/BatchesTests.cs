using System.Collections.Concurrent;
using Connectors.Sqs.Settling;
using Connectors.Testing;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Sqs.Tests.Settling;

public class BatchesTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly ConcurrentQueue<IReadOnlyList<int>> _sent = new();

    [Fact]
    public async Task A_full_batch_goes_at_once()
    {
        await using var batches = Batches();

        for (var i = 0; i < 10; i++)
        {
            batches.Add(i);
        }

        await Eventually.HoldsAsync(() => _sent.Count == 1, "a batch is sent without the clock moving");
        Assert.Equal(Enumerable.Range(0, 10), _sent.Single());
    }

    [Fact]
    public async Task Others_go_when_the_first_has_waited_long_enough()
    {
        await using var batches = Batches();
        batches.Add(1);
        batches.Add(2);
        Assert.Empty(_sent);

        await Eventually.HoldsAsync(
            () =>
            {
                _time.Advance(TimeSpan.FromSeconds(1));
                return !_sent.IsEmpty;
            },
            "the batch is sent as the clock moves");

        Assert.Equal([1, 2], _sent.SelectMany(b => b));
    }

    [Fact]
    public async Task Disposal_sends_the_rest_and_takes_no_more()
    {
        var batches = Batches();
        for (var i = 0; i < 13; i++)
        {
            batches.Add(i);
        }

        await batches.DisposeAsync();

        Assert.Equal(Enumerable.Range(0, 13), _sent.SelectMany(b => b).Order());
        Assert.False(batches.Add(99));
    }

    [Fact]
    public async Task A_slow_send_does_not_hold_up_the_next()
    {
        var slow = new TaskCompletionSource();
        var batches = new Batches<int>(1, TimeSpan.FromSeconds(1), _time, async (batch, _, _) =>
        {
            await (batch[0] == 0 ? slow.Task : Task.CompletedTask);
            _sent.Enqueue(batch);
            return ([], TimeSpan.Zero);
        });

        batches.Add(0);
        batches.Add(1);
        await Eventually.HoldsAsync(() => _sent.Count == 1, "the second is sent");
        slow.SetResult();
        await batches.DisposeAsync();

        Assert.Equal([1, 0], _sent.SelectMany(b => b));
    }

    [Fact]
    public async Task What_waits_to_be_sent_again_holds_up_no_other_and_is_awaited_at_the_end()
    {
        const int kept = 0;
        var failing = 100; // those below it cannot be sent
        var batches = new Batches<int>(1, TimeSpan.FromSeconds(1), _time, (batch, attempt, _) =>
        {
            var isSent = batch[0] >= Volatile.Read(ref failing);
            if (isSent)
            {
                _sent.Enqueue([.. batch, attempt]);
            }

            return Task.FromResult<(IReadOnlyList<int>, TimeSpan)>((isSent ? [] : batch, TimeSpan.FromSeconds(1)));
        });
        for (var i = 0; i < 20; i++)
        {
            batches.Add(i);
        }

        batches.Add(100);
        await Eventually.HoldsAsync(() => _sent.Count == 1, "the one behind them is sent");
        Assert.Equal([100, 1], _sent.Single());
        var fewer = batches.UntilFewerAsync(20, CancellationToken.None);
        Assert.False(fewer.IsCompleted);

        // All but one: the end has four seconds by the machine's clock, whatever ours says.
        Volatile.Write(ref failing, kept + 1);
        await Eventually.HoldsAsync(
            () =>
            {
                _time.Advance(TimeSpan.FromSeconds(1));
                return _sent.Count == 20;
            },
            "they are sent again as the clock moves");
        await fewer;
        Assert.Equal(Enumerable.Range(1, 19), _sent.Skip(1).Select(sent => sent[0]).Order());
        Assert.All(_sent.Skip(1), sent => Assert.Equal(2, sent[1]));

        Volatile.Write(ref failing, kept);
        var begun = TimeProvider.System.GetTimestamp();
        var ending = batches.DisposeAsync();
        await Eventually.HoldsAsync(
            () =>
            {
                _time.Advance(TimeSpan.FromSeconds(1));
                return ending.IsCompleted;
            },
            "the end has waited for the last of them");

        await ending;
        Assert.True(_sent.Any(sent => sent[0] == kept) || TimeProvider.System.GetElapsedTime(begun) > TimeSpan.FromSeconds(3.5), "it is sent, unless that took the whole time");
    }

    private Batches<int> Batches() => new(10, TimeSpan.FromSeconds(1), _time, (batch, _, _) =>
    {
        _sent.Enqueue(batch);
        return Task.FromResult<(IReadOnlyList<int>, TimeSpan)>(([], TimeSpan.Zero));
    });
}
