using Connectors.Sqs.Settling;
using CsCheck;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Sqs.Tests.Settling;

public class LatestAgesTests
{
    // Steps of some seconds; with some a message comes, of such an age.
    private static readonly Gen<(int Wait, int Age)[]> Comings = Gen.Select(Gen.Int[0, 40], Gen.Int[0, 1000]).Array[0, 50];

    [Fact]
    public void The_oldest_of_the_last_half_minute_is_told_and_none_of_before_the_last_minute() => Comings.Sample(comings =>
    {
        var time = new FakeTimeProvider();
        var ages = new LatestAges(time);
        var came = new List<(DateTimeOffset At, int Age)>();
        foreach (var (wait, age) in comings)
        {
            time.Advance(TimeSpan.FromSeconds(wait));
            var told = ages.Max().TotalSeconds;
            Assert.True(told >= Oldest(30), $"{told}: one of the last half minute is older");
            Assert.True(told <= Oldest(60), $"{told}: none of the last minute is as old");

            ages.Add(TimeSpan.FromSeconds(age));
            came.Add((time.GetUtcNow(), age));
        }

        double Oldest(int seconds) => came.Where(one => time.GetUtcNow() - one.At < TimeSpan.FromSeconds(seconds)).Select(one => one.Age).DefaultIfEmpty().Max();
    });
}
