using Connectors.Sqs.Settling;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Sqs.Tests.Settling;

public class LatestTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly Latest<string> _latest;

    public LatestTests() => _latest = new(10, TimeSpan.FromHours(2), _time);

    [Fact]
    public void The_last_that_was_added_counts_until_it_is_removed()
    {
        Assert.Null(_latest.Find("a"));

        _latest.Add("a", "first");
        _latest.Add("a", "second");
        Assert.Equal("second", _latest.Find("a"));

        _latest.Remove("a");
        Assert.Null(_latest.Find("a"));
    }

    [Fact]
    public void Never_more_than_the_most_is_remembered_and_of_the_latest_half_as_many_at_least()
    {
        for (var i = 0; i < 100; i++)
        {
            _latest.Add($"{i}", "x");
            Assert.InRange(Enumerable.Range(0, 100).Count(n => _latest.Find($"{n}") is not null), 0, 10);
            Assert.All(Enumerable.Range(Math.Max(0, i - 4), Math.Min(i + 1, 5)), n => Assert.NotNull(_latest.Find($"{n}")));
        }
    }

    [Fact]
    public void What_is_old_is_forgotten_once_more_is_added()
    {
        _latest.Add("old", "x");
        _time.Advance(TimeSpan.FromHours(1));
        _latest.Add("new", "x");
        Assert.NotNull(_latest.Find("old"));

        _time.Advance(TimeSpan.FromHours(1));
        _latest.Add("newer", "x");

        Assert.Null(_latest.Find("old"));
        Assert.NotNull(_latest.Find("new"));
    }

    [Fact]
    public void What_is_removed_is_not_found_in_an_earlier_half()
    {
        _latest.Add("a", "first");
        _time.Advance(TimeSpan.FromHours(1));
        _latest.Add("a", "second");

        _latest.Remove("a");

        Assert.Null(_latest.Find("a"));
    }
}
