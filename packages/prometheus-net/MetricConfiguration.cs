namespace Prometheus;

public abstract class MetricConfiguration
{
    public string[]? LabelNames { get; set; }

    /// <summary>Whether the metric stays out of the exposition until it is first set, even to what it was.</summary>
    public bool SuppressInitialValue { get; set; }
}
