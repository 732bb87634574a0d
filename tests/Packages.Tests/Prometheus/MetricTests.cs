using Prometheus;

namespace Connectors.Packages.Tests.Prometheus;

public class MetricTests
{
    private readonly Exposed _exposed = new();

    [Fact]
    public void A_counter_never_falls()
    {
        var counter = _exposed.Metrics.CreateCounter("calls_total", "Calls.");
        counter.IncTo(5);
        counter.IncTo(3);

        Assert.Equal(5, counter.Value);
        Assert.Throws<ArgumentOutOfRangeException>("increment", () => counter.Inc(-1));
    }

    [Fact]
    public void A_gauge_goes_both_ways()
    {
        var gauge = _exposed.Metrics.CreateGauge("depth", "Depth.");
        gauge.Inc();
        gauge.Inc(4);
        gauge.Dec();
        gauge.Dec(0.5);
        Assert.Equal(3.5, gauge.Value);

        gauge.IncTo(3);
        Assert.Equal(3.5, gauge.Value);
        gauge.IncTo(9);
        Assert.Equal(9, gauge.Value);
        gauge.DecTo(10);
        Assert.Equal(9, gauge.Value);
        gauge.DecTo(2);
        Assert.Equal(2, gauge.Value);
        gauge.Set(-7);
        Assert.Equal(-7, gauge.Value);
    }

    [Fact]
    public void A_gauge_holds_a_time_as_seconds_since_1970()
    {
        var gauge = _exposed.Metrics.CreateGauge("at", "At.");

        gauge.SetToTimeUtc(DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_250));
        Assert.Equal(1_700_000_000.25, gauge.Value);
        gauge.IncToTimeUtc(DateTimeOffset.UnixEpoch);
        Assert.Equal(1_700_000_000.25, gauge.Value);
        gauge.SetToCurrentTimeUtc();

        Assert.True(gauge.Value > 1_700_000_000.25);
    }

    [Fact]
    public void A_gauge_counts_what_is_in_progress()
    {
        var gauge = _exposed.Metrics.CreateGauge("running", "Running.");

        using (gauge.TrackInProgress())
        using (gauge.TrackInProgress())
        {
            Assert.Equal(2, gauge.Value);
        }

        Assert.Equal(0, gauge.Value);
    }

    [Fact]
    public async Task A_removed_child_is_gone_and_an_unpublished_one_hidden()
    {
        var gauge = _exposed.Metrics.CreateGauge("depth", "Depth.", ["fn"]);
        gauge.WithLabels("a").Set(1);
        gauge.WithLabels("b").Set(2);
        gauge.WithLabels("c").Set(3);
        gauge.WithLabels("d").Set(4);
        gauge.WithLabels("e").Set(5);

        gauge.RemoveLabelled("a");
        gauge.WithLabels("b").Unpublish();
        gauge.WithLabels("d").Remove();
        gauge.WithLabels("e").Dispose();

        Assert.EndsWith("gauge\ndepth{fn=\"c\"} 3\n", await _exposed.TextAsync(), StringComparison.Ordinal);
        Assert.Equal(["b", "c"], gauge.GetAllLabelValues().Select(values => values[0]).Order());
        gauge.WithLabels("b").Inc();
        gauge.WithLabels("a").Inc();
        Assert.EndsWith("gauge\ndepth{fn=\"a\"} 1\ndepth{fn=\"b\"} 3\ndepth{fn=\"c\"} 3\n", await _exposed.TextAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_label_values_are_the_same_child()
    {
        var counter = _exposed.Metrics.CreateCounter("calls_total", "Calls.", "fn", "code");
        string[] values = ["x", "200"];

        var child = counter.WithLabels(values);
        values[0] = "y";

        Assert.Same(child, counter.WithLabels("x", "200"));
        Assert.NotSame(child, counter.WithLabels("200", "x"));
        Assert.NotSame(child, counter.WithLabels(values));
    }

    [Fact]
    public void Label_values_must_fit_the_names()
    {
        var counter = _exposed.Metrics.CreateCounter("calls_total", "Calls.", "fn");

        Assert.Throws<ArgumentException>(() => counter.WithLabels());
        Assert.Throws<ArgumentException>(() => counter.WithLabels("x", "y"));
        Assert.Throws<ArgumentNullException>(() => counter.WithLabels(null!));
    }

    [Fact]
    public async Task The_same_name_and_labels_are_the_same_metric_and_another_type_is_refused()
    {
        var first = _exposed.Metrics.CreateCounter("calls_total", "Calls.");
        var labelled = _exposed.Metrics.CreateCounter("calls_total", "Other words.", "fn");
        labelled.WithLabels("x").Inc();

        Assert.Same(first, _exposed.Metrics.CreateCounter("calls_total", "Calls."));
        Assert.Same(labelled, _exposed.Metrics.CreateCounter("calls_total", "Calls.", new CounterConfiguration { LabelNames = ["fn"] }));
        Assert.Throws<InvalidOperationException>(() => _exposed.Metrics.CreateGauge("calls_total", "Calls."));
        var text = await _exposed.TextAsync();
        Assert.StartsWith("# HELP calls_total Calls.\n# TYPE calls_total counter\ncalls_total", text, StringComparison.Ordinal);
        Assert.Contains("calls_total 0\n", text, StringComparison.Ordinal);
        Assert.Contains("calls_total{fn=\"x\"} 1\n", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("1a")]
    [InlineData("a-b")]
    [InlineData("a b")]
    [InlineData("ä")]
    public void Names_that_Prometheus_does_not_take_are_refused(string name)
    {
        Assert.Throws<ArgumentException>(() => _exposed.Metrics.CreateCounter(name, "Bad."));
        Assert.Throws<ArgumentException>(() => _exposed.Metrics.CreateCounter("good_total", "Bad label.", name));
    }

    [Fact]
    public void Reserved_and_repeated_labels_are_refused()
    {
        Assert.Throws<ArgumentException>(() => _exposed.Metrics.CreateCounter("a_total", "A.", "__name__"));
        Assert.Throws<InvalidOperationException>(() => _exposed.Metrics.CreateCounter("a_total", "A.", "fn", "fn"));
    }

    [Fact]
    public void Registries_know_nothing_of_each_other()
    {
        var other = new Exposed();

        var here = _exposed.Metrics.CreateCounter("calls_total", "Calls.");
        var there = other.Metrics.CreateCounter("calls_total", "Calls.");
        here.Inc();

        Assert.Equal(1, here.Value);
        Assert.Equal(0, there.Value);
    }

    [Fact]
    public async Task Many_threads_lose_no_increment()
    {
        var counter = _exposed.Metrics.CreateCounter("calls_total", "Calls.", ["fn"]);
        var gauge = _exposed.Metrics.CreateGauge("depth", "Depth.");

        await Parallel.ForAsync(0, 8, (_, _) =>
        {
            for (var i = 0; i < 10_000; i++)
            {
                counter.WithLabels(i % 2 == 0 ? "x" : "y").Inc();
                gauge.Inc(0.5);
            }

            return ValueTask.CompletedTask;
        });

        Assert.Equal(40_000, counter.WithLabels("x").Value);
        Assert.Equal(40_000, counter.WithLabels("y").Value);
        Assert.Equal(40_000, gauge.Value);
    }

    [Fact]
    public async Task Collecting_goes_on_beside_counting_and_removing()
    {
        var counter = _exposed.Metrics.CreateCounter("calls_total", "Calls.", "fn");
        var removed = 0;

        var counting = Parallel.ForAsync(0, 4, (thread, _) =>
        {
            for (var i = 0; i < 2_000; i++)
            {
                counter.WithLabels($"{thread}-{i % 50}").Inc();
                counter.RemoveLabelled($"{thread}-{(i + 1) % 50}");
                Interlocked.Increment(ref removed);
            }

            return ValueTask.CompletedTask;
        });
        while (!counting.IsCompleted)
        {
            Assert.StartsWith("# HELP calls_total Calls.\n# TYPE calls_total counter\n", await _exposed.TextAsync(), StringComparison.Ordinal);
        }

        await counting;
        Assert.Equal(8_000, removed);
        Assert.Equal(4 * 49, counter.GetAllLabelValues().Count());
    }
}
