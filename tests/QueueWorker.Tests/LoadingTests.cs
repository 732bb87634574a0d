using Connectors.QueueWorker.Dispatching;
using Connectors.Testing;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.QueueWorker.Tests;

/// <summary>How long calls wait for what a worker is told at its start.</summary>
public sealed class LoadingTests
{
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(10);

    private readonly FakeTimeProvider _time = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_is_waited_for_however_long_it_takes_while_more_is_told()
    {
        var loading = new Loading(Silence, _time);
        var waiting = loading.WaitAsync(Ct);
        for (var i = 0; i < 100; i++)
        {
            loading.Told();
            _time.Advance(Silence - TimeSpan.FromSeconds(1));
            await Task.Yield();
            Assert.False(waiting.IsCompleted);
        }

        Assert.True(loading.End());
        Assert.False(await waiting);
    }

    [Fact]
    public async Task It_is_given_up_when_nothing_is_told_for_so_long_and_by_one_only()
    {
        var loading = new Loading(Silence, _time);
        var (one, other) = (loading.WaitAsync(Ct), loading.WaitAsync(Ct));
        loading.Told();

        _time.Advance(Silence);
        Assert.False(one.IsCompleted || other.IsCompleted);
        await Eventually.HoldsAsync(
            () =>
            {
                _time.Advance(Silence);
                return one.IsCompleted && other.IsCompleted;
            },
            "both go on");

        Assert.Equal(1, (await Task.WhenAll(one, other)).Count(gaveUp => gaveUp));
        Assert.False(await loading.WaitAsync(Ct));
        Assert.False(loading.End());
    }

    [Fact]
    public async Task What_is_over_is_not_waited_for()
    {
        var loading = new Loading(Silence, _time);
        Assert.True(loading.End());

        Assert.False(await loading.WaitAsync(Ct));
    }

    [Fact]
    public async Task Who_stops_does_not_wait()
    {
        using var stopping = new CancellationTokenSource();
        var waiting = new Loading(Silence, _time).WaitAsync(stopping.Token);

        await stopping.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }
}
