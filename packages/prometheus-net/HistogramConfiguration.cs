namespace Prometheus;

public sealed class HistogramConfiguration : MetricConfiguration
{
    /// <summary>Upper bounds, rising; infinity is added where it lacks.</summary>
    public double[]? Buckets { get; set; }
}
