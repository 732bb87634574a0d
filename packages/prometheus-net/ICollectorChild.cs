namespace Prometheus;

/// <summary>One time series, or those of one histogram: a metric with all its label values.</summary>
public interface ICollectorChild;
