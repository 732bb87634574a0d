using Connectors.Testing;
using Prometheus;

namespace Connectors.Packages.Tests.Prometheus;

public class ExpositionTests
{
    private readonly Exposed _exposed = new();

    [Fact]
    public async Task A_counter_without_labels_is_there_from_the_start()
    {
        var counter = _exposed.Metrics.CreateCounter("calls_total", "Calls so far.");

        Assert.Equal("# HELP calls_total Calls so far.\n# TYPE calls_total counter\ncalls_total 0\n", await _exposed.TextAsync());
        counter.Inc();
        counter.Inc(2.5);

        Assert.Equal("# HELP calls_total Calls so far.\n# TYPE calls_total counter\ncalls_total 3.5\n", await _exposed.TextAsync());
    }

    [Fact]
    public async Task A_metric_with_labels_has_no_sample_before_values_are_named()
    {
        var gauge = _exposed.Metrics.CreateGauge("depth", "Depth.", "fn");

        Assert.Equal("# HELP depth Depth.\n# TYPE depth gauge\n", await _exposed.TextAsync());
        gauge.WithLabels("x");

        Assert.Equal("# HELP depth Depth.\n# TYPE depth gauge\ndepth{fn=\"x\"} 0\n", await _exposed.TextAsync());
    }

    [Fact]
    public async Task An_initial_value_can_be_held_back_until_it_is_set()
    {
        var gauge = _exposed.Metrics.CreateGauge("depth", "Depth.", new GaugeConfiguration { SuppressInitialValue = true });
        var counter = _exposed.Metrics.CreateCounter("n_total", "N.", ["fn"], new CounterConfiguration { SuppressInitialValue = true }).WithLabels("x");
        Assert.Equal("# HELP depth Depth.\n# TYPE depth gauge\n# HELP n_total N.\n# TYPE n_total counter\n", await _exposed.TextAsync());

        gauge.Set(0);
        counter.Publish();

        Assert.Contains("depth 0\n", await _exposed.TextAsync(), StringComparison.Ordinal);
        Assert.Contains("n_total{fn=\"x\"} 0\n", await _exposed.TextAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Help_and_label_values_are_escaped()
    {
        _exposed.Metrics.CreateGauge("depth", "Line \"one\"\nand \\ two.", ["path", "city"]).WithLabels("a\"b\\c\nd", "Zürich \U0001F600").Set(-1);

        Assert.Equal(
            "# HELP depth Line \"one\"\\nand \\\\ two.\n# TYPE depth gauge\ndepth{path=\"a\\\"b\\\\c\\nd\",city=\"Zürich \U0001F600\"} -1\n",
            await _exposed.TextAsync());
    }

    [Theory]
    [InlineData(0, "0")]
    [InlineData(-0.5, "-0.5")]
    [InlineData(0.1 + 0.2, "0.30000000000000004")]
    [InlineData(9007199254740993, "9007199254740992")]
    [InlineData(1e21, "1E+21")]
    [InlineData(1e-7, "1E-07")]
    [InlineData(double.MaxValue, "1.7976931348623157E+308")]
    [InlineData(double.PositiveInfinity, "+Inf")]
    [InlineData(double.NegativeInfinity, "-Inf")]
    [InlineData(double.NaN, "NaN")]
    public async Task Numbers_are_written_so_that_they_read_back_the_same(double value, string text)
    {
        _exposed.Metrics.CreateGauge("v", "V.").Set(value);

        Assert.EndsWith($"\nv {text}\n", await _exposed.TextAsync(), StringComparison.Ordinal);
        Assert.Equal("", await Promtool.CheckMetricsAsync(await _exposed.TextAsync()));
    }

    [Fact]
    public async Task Metrics_stand_in_the_order_of_their_names_each_declared_once()
    {
        _exposed.Metrics.CreateCounter("b_total", "B.", "fn").WithLabels("y").Inc();
        _exposed.Metrics.CreateCounter("b_total", "B.", "fn").WithLabels("x").Inc(2);
        _exposed.Metrics.CreateGauge("a", "A.").Set(1);

        Assert.Equal(
            """
            # HELP a A.
            # TYPE a gauge
            a 1
            # HELP b_total B.
            # TYPE b_total counter
            b_total{fn="x"} 2
            b_total{fn="y"} 1

            """,
            await _exposed.TextAsync());
    }

    [Fact]
    public async Task Callbacks_run_before_each_collection_and_one_that_fails_stops_nothing()
    {
        var gauge = _exposed.Metrics.CreateGauge("depth", "Depth.");
        _exposed.Registry.AddBeforeCollectCallback(() => throw new InvalidOperationException("broken"));
        _exposed.Registry.AddBeforeCollectCallback(() => gauge.Inc());
        _exposed.Registry.AddBeforeCollectCallback(_ => throw new InvalidOperationException("broken"));
        _exposed.Registry.AddBeforeCollectCallback(_ =>
        {
            gauge.Inc(10);
            return Task.CompletedTask;
        });

        Assert.Contains("depth 11\n", await _exposed.TextAsync(), StringComparison.Ordinal);
        Assert.Contains("depth 22\n", await _exposed.TextAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Promtool_finds_nothing_to_object_to()
    {
        _exposed.Metrics.CreateCounter("calls_total", "Calls \"so\" far,\nand \\ more.", ["fn"]).WithLabels("a\\b\"c\n").Inc();
        _exposed.Metrics.CreateCounter("retries_total", "Retries.");
        _exposed.Metrics.CreateGauge("depth", "Depth.").Set(double.PositiveInfinity);
        _exposed.Metrics.CreateGauge("oldest_seconds", "Age of the oldest.", "queue", "priority").WithLabels("q", "").Set(double.NaN);
        _exposed.Metrics.CreateHistogram("took_seconds", "Took.", ["fn"]).WithLabels("x").Observe(3);
        _exposed.Metrics.CreateHistogram("size_bytes", "Size.", new HistogramConfiguration { Buckets = Histogram.ExponentialBuckets(1, 10, 7) }).Observe(1e9);

        Assert.Equal("", await Promtool.CheckMetricsAsync(await _exposed.TextAsync()));
    }

    [Theory]
    [InlineData("# HELP a_bucket A.\n# TYPE a_bucket gauge\na_bucket 1\n", "non-histogram")]
    [InlineData("# HELP a A.\n# TYPE a gauge\na{x=\"\n\"} 1\n", "parsing error")]
    [InlineData("# HELP a A.\n# TYPE a gauge\na 1\n# HELP a A.\n", "second HELP line")]
    public async Task Promtool_does_object_to_a_bad_exposition(string exposition, string objection) =>
        Assert.Contains(objection, await Promtool.CheckMetricsAsync(exposition), StringComparison.Ordinal);
}
