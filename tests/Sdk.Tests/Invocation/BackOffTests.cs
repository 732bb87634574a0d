using Connectors.Sdk.Invocation;

namespace Connectors.Sdk.Tests.Invocation;

public class BackOffTests
{
    private static readonly TimeSpan Min = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Max = TimeSpan.FromSeconds(120);

    [Theory]
    [InlineData(1, 10)]
    [InlineData(2, 20)]
    [InlineData(3, 40)]
    [InlineData(4, 80)]
    [InlineData(5, 120)]
    [InlineData(6, 120)]
    [InlineData(64, 120)]
    [InlineData(1_000, 120)]
    [InlineData(int.MaxValue, 120)]
    public void Doubles_up_to_the_longest_wait(int attempt, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), BackOff.Delay(BackOffKind.Exponential, attempt, Min, Max, new Random(1)));

    [Theory]
    [InlineData(BackOffKind.Full, 0.0)]
    [InlineData(BackOffKind.Equal, 0.5)]
    public void Jitter_spreads_over_its_whole_range_and_never_beyond(BackOffKind kind, double least)
    {
        var random = new Random(42);
        var delays = Enumerable.Range(0, 10_000).Select(_ => BackOff.Delay(kind, 3, Min, Max, random).TotalSeconds / 40).ToList();

        Assert.All(delays, share => Assert.InRange(share, least, 1));
        Assert.InRange(delays.Min(), least, least + 0.01);
        Assert.InRange(delays.Max(), 0.99, 1);
        Assert.InRange(delays.Average(), ((1 + least) / 2) - 0.01, ((1 + least) / 2) + 0.01);
    }

    [Fact]
    public void A_longest_wait_below_the_shortest_wins() =>
        Assert.Equal(TimeSpan.FromSeconds(1), BackOff.Delay(BackOffKind.Exponential, 1, Min, TimeSpan.FromSeconds(1), new Random(1)));

    [Fact]
    public void No_wait_stays_no_wait() => Assert.Equal(TimeSpan.Zero, BackOff.Delay(BackOffKind.Equal, 9, TimeSpan.Zero, Max, new Random(1)));

    [Fact]
    public void The_longest_wait_of_all_does_not_overflow() =>
        Assert.InRange(BackOff.Delay(BackOffKind.Exponential, 100, TimeSpan.FromDays(1), TimeSpan.MaxValue, new Random(1)), TimeSpan.FromDays(1), TimeSpan.MaxValue);
}
