using Connectors.Sdk.Hosting;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Sdk.Tests.Hosting;

public class SignalTests
{
    private readonly Signal _signal = new();

    [Fact]
    public async Task All_who_wait_are_woken_and_the_next_wait_is_a_new_one()
    {
        var waiting = Enumerable.Range(0, 5).Select(_ => _signal.Next).ToList();

        _signal.Set();

        await Task.WhenAll(waiting);
        Assert.False(_signal.Next.IsCompleted);
    }

    [Fact]
    public async Task A_condition_is_waited_for_through_every_change_and_no_change_is_missed()
    {
        var (turns, seen) = (0, 0);
        var waiting = Enumerable.Range(0, 8).Select(async _ =>
        {
            await _signal.UntilAsync(() => Volatile.Read(ref turns) == 10_000, CancellationToken.None);
            Interlocked.Increment(ref seen);
        }).ToList();

        await Parallel.ForAsync(0, 10_000, (_, _) =>
        {
            Interlocked.Increment(ref turns);
            _signal.Set();
            return ValueTask.CompletedTask;
        });

        await Task.WhenAll(waiting).WaitAsync(Testing.Eventually.Patience);
        Assert.Equal(8, seen);
    }

    [Fact]
    public async Task Waiting_can_be_given_up()
    {
        using var enough = new CancellationTokenSource();
        var waiting = _signal.UntilAsync(() => false, enough.Token);

        await enough.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public async Task Waiting_can_have_a_limit()
    {
        var time = new FakeTimeProvider();
        using var enough = new CancellationTokenSource();
        var (late, early, ended) = (
            Signal.CameAsync(_signal.Next, TimeSpan.FromSeconds(1), time, CancellationToken.None),
            Signal.CameAsync(_signal.Next, TimeSpan.MaxValue, time, CancellationToken.None),
            Signal.CameAsync(_signal.Next, TimeSpan.FromHours(1), time, enough.Token));

        time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(await late);
        await enough.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ended);
        _signal.Set();
        Assert.True(await early);
    }
}
