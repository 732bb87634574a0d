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
        var batches = new Batches<int>(1, TimeSpan.FromSeconds(1), _time, async (batch, _) =>
        {
            await (batch[0] == 0 ? slow.Task : Task.CompletedTask);
            _sent.Enqueue(batch);
        });

        batches.Add(0);
        batches.Add(1);
        await Eventually.HoldsAsync(() => _sent.Count == 1, "the second is sent");
        slow.SetResult();
        await batches.DisposeAsync();

        Assert.Equal([1, 0], _sent.SelectMany(b => b));
    }

    private Batches<int> Batches() => new(10, TimeSpan.FromSeconds(1), _time, (batch, _) =>
    {
        _sent.Enqueue(batch);
        return Task.CompletedTask;
    });
}
