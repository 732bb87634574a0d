using Connectors.Sdk.Hosting;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Sdk.Tests.Hosting;

public class TimeLimitTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Time_that_is_over_cancels_and_says_so()
    {
        using var limit = new TimeLimit(TimeSpan.FromSeconds(5), _time, CancellationToken.None);
        Assert.Equal((false, false), (limit.Token.IsCancellationRequested, limit.IsOver));

        _time.Advance(TimeSpan.FromSeconds(5));

        Assert.Equal((true, true), (limit.Token.IsCancellationRequested, limit.IsOver));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task A_caller_who_cancels_counts_first(int which)
    {
        using var first = new CancellationTokenSource();
        using var second = new CancellationTokenSource();
        using var limit = new TimeLimit(TimeSpan.FromSeconds(5), _time, first.Token, second.Token);

        await (which == 0 ? first : second).CancelAsync();
        Assert.Equal((true, false), (limit.Token.IsCancellationRequested, limit.IsOver));

        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.False(limit.IsOver);
    }

    [Fact]
    public void A_limit_that_no_timer_can_keep_counts_as_the_longest()
    {
        using var limit = new TimeLimit(TimeSpan.MaxValue, _time);

        _time.Advance(GoDuration.Max);

        Assert.True(limit.IsOver);
    }

    [Fact]
    public void There_may_be_no_limit()
    {
        using var limit = new TimeLimit(Timeout.InfiniteTimeSpan, _time);

        _time.Advance(GoDuration.Max);

        Assert.False(limit.Token.IsCancellationRequested);
    }

    [Fact]
    public async Task What_ended_one_limit_does_not_end_the_next()
    {
        using var caller = new CancellationTokenSource();
        for (var round = 0; round < 100; round++)
        {
            using (var over = new TimeLimit(TimeSpan.FromMilliseconds(1), TimeProvider.System))
            using (new TimeLimit(TimeSpan.FromHours(1), TimeProvider.System, caller.Token))
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, over.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            }

            using (new TimeLimit(TimeSpan.FromMilliseconds(1), TimeProvider.System))
            {
                // Its time passes about now.
            }

            using var next = new TimeLimit(TimeSpan.FromHours(1), TimeProvider.System);
            using var afterNext = new TimeLimit(Timeout.InfiniteTimeSpan, TimeProvider.System);
            Assert.False(next.Token.IsCancellationRequested);
            Assert.False(afterNext.Token.IsCancellationRequested);
        }

        await caller.CancelAsync();
        using var last = new TimeLimit(TimeSpan.FromHours(1), TimeProvider.System);
        Assert.False(last.Token.IsCancellationRequested);
    }

    [Fact]
    public async Task Any_of_many_callers_may_cancel()
    {
        using var third = new CancellationTokenSource();
        using var limit = new TimeLimit(TimeSpan.FromHours(1), TimeProvider.System, CancellationToken.None, CancellationToken.None, third.Token);

        await third.CancelAsync();

        Assert.Equal((true, false), (limit.Token.IsCancellationRequested, limit.IsOver));
    }
}
