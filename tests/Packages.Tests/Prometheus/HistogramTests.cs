using Prometheus;

namespace Connectors.Packages.Tests.Prometheus;

public class HistogramTests
{
    private readonly Exposed _exposed = new();

    [Fact]
    public async Task It_counts_cumulatively_up_to_infinity()
    {
        var histogram = _exposed.Metrics.CreateHistogram("took_seconds", "Took.", ["fn"], new HistogramConfiguration { Buckets = [0.1, 1] }).WithLabels("x");
        histogram.Observe(0.1);
        histogram.Observe(0.5);
        histogram.Observe(7);

        Assert.Equal(
            """
            # HELP took_seconds Took.
            # TYPE took_seconds histogram
            took_seconds_sum{fn="x"} 7.6
            took_seconds_count{fn="x"} 3
            took_seconds_bucket{fn="x",le="0.1"} 1
            took_seconds_bucket{fn="x",le="1"} 2
            took_seconds_bucket{fn="x",le="+Inf"} 3

            """,
            await _exposed.TextAsync());
        Assert.Equal(3, histogram.Count);
        Assert.Equal(7.6, histogram.Sum);
    }

    [Fact]
    public async Task Without_labels_it_is_there_from_the_start_with_the_default_buckets()
    {
        var histogram = _exposed.Metrics.CreateHistogram("took_seconds", "Took.");

        var text = await _exposed.TextAsync();
        Assert.Contains("took_seconds_bucket{le=\"0.005\"} 0\n", text, StringComparison.Ordinal);
        Assert.Contains("took_seconds_bucket{le=\"10\"} 0\n", text, StringComparison.Ordinal);
        Assert.Contains("took_seconds_sum 0\n", text, StringComparison.Ordinal);
        Assert.Equal(0, histogram.Count);
    }

    [Fact]
    public void Many_of_one_value_are_observed_at_once_and_what_is_no_number_not_at_all()
    {
        var histogram = _exposed.Metrics.CreateHistogram("took_seconds", "Took.");

        histogram.Observe(2, 5);
        histogram.Observe(double.NaN);

        Assert.Equal(5, histogram.Count);
        Assert.Equal(10, histogram.Sum);
    }

    [Fact]
    public async Task Values_at_the_edges_fall_in_the_bucket_they_bound()
    {
        var histogram = _exposed.Metrics.CreateHistogram("v", "V.", new HistogramConfiguration { Buckets = [-1, 0, 1, double.PositiveInfinity] });
        histogram.Observe(double.NegativeInfinity);
        histogram.Observe(0);
        histogram.Observe(1.0000001);
        histogram.Observe(double.PositiveInfinity);

        var text = await _exposed.TextAsync();
        Assert.Contains("v_bucket{le=\"-1\"} 1\nv_bucket{le=\"0\"} 2\nv_bucket{le=\"1\"} 2\nv_bucket{le=\"+Inf\"} 4\n", text, StringComparison.Ordinal);
        Assert.Contains("v_sum NaN\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Buckets_must_rise_and_le_is_its_own_label()
    {
        Assert.Throws<ArgumentException>(() => _exposed.Metrics.CreateHistogram("a", "A.", new HistogramConfiguration { Buckets = [1, 1] }));
        Assert.Throws<ArgumentException>(() => _exposed.Metrics.CreateHistogram("a", "A.", new HistogramConfiguration { Buckets = [] }));
        Assert.Throws<ArgumentException>(() => _exposed.Metrics.CreateHistogram("a", "A.", ["le"]));
    }

    [Fact]
    public void Bucket_makers_leave_no_rounding_in_their_bounds()
    {
        Assert.Equal([0.1, 0.2, 0.4, 0.8], Histogram.ExponentialBuckets(0.1, 2, 4));
        Assert.Equal([0.001, 0.0015, 0.00225], Histogram.ExponentialBuckets(0.001, 1.5, 3));
        Assert.Equal([0.1, 0.2, 0.3, 0.4], Histogram.LinearBuckets(0.1, 0.1, 4));
        Assert.Equal([-1, 0.5, 2], Histogram.LinearBuckets(-1, 1.5, 3));
        Assert.Equal([2.5, 5, 7.5, 10, 25, 50, 75, 100], Histogram.PowersOfTenDividedBuckets(0, 2, 4));
        Assert.Equal([0.5, 1], Histogram.PowersOfTenDividedBuckets(-1, 0, 2));
        Assert.Equal([0.5, 1, 1.5], Histogram.PowersOfTenDividedBuckets(0, 2, 20).Take(3));
        Assert.Equal([9.5, 10, 15, 20], Histogram.PowersOfTenDividedBuckets(0, 2, 20).Skip(18).Take(4));
    }

    [Fact]
    public void Bucket_makers_refuse_what_cannot_rise()
    {
        Assert.Throws<ArgumentException>(() => Histogram.ExponentialBuckets(1, 2, 0));
        Assert.Throws<ArgumentException>(() => Histogram.ExponentialBuckets(0, 2, 3));
        Assert.Throws<ArgumentException>(() => Histogram.ExponentialBuckets(1, 1, 3));
        Assert.Throws<ArgumentException>(() => Histogram.LinearBuckets(1, 1, 0));
        Assert.Throws<ArgumentException>(() => Histogram.PowersOfTenDividedBuckets(1, 1, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => Histogram.PowersOfTenDividedBuckets(0, 1, 0));
    }

    [Fact]
    public async Task Many_threads_lose_no_observation()
    {
        var histogram = _exposed.Metrics.CreateHistogram("took_seconds", "Took.", ["fn"]);

        await Parallel.ForAsync(0, 8, (_, _) =>
        {
            for (var i = 0; i < 10_000; i++)
            {
                histogram.WithLabels("x").Observe(i % 4);
            }

            return ValueTask.CompletedTask;
        });

        Assert.Equal(80_000, histogram.WithLabels("x").Count);
        Assert.Equal(120_000, histogram.WithLabels("x").Sum);
        Assert.Contains("took_seconds_bucket{fn=\"x\",le=\"1\"} 40000\n", await _exposed.TextAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_timer_observes_the_seconds_since_it_was_made()
    {
        var histogram = _exposed.Metrics.CreateHistogram("took_seconds", "Took.");
        var gauge = _exposed.Metrics.CreateGauge("last_seconds", "Last.");
        var counter = _exposed.Metrics.CreateCounter("spent_seconds_total", "Spent.");

        var observed = histogram.NewTimer().ObserveDuration();
        using (histogram.NewTimer())
        using (gauge.NewTimer())
        using (counter.NewTimer())
        {
        }

        Assert.Equal(2, histogram.Count);
        Assert.True(histogram.Sum >= observed.TotalSeconds);
        Assert.True(gauge.Value > 0);
        Assert.True(counter.Value > 0);
    }
}
