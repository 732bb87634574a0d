using Prometheus;

namespace Connectors.Sdk.Hosting;

/// <summary>The metrics of every service, whether or not it is a connector.</summary>
internal static class ServiceMetrics
{
    private static readonly Gauge StartTime = Prometheus.Metrics.CreateGauge("service_start_time_seconds", "When the service started; time() minus this is for how long it has run.");

    private static readonly Counter DutyRestarts = Prometheus.Metrics.CreateCounter(
        "service_duty_restarts_total", "Background duties that ended although the service runs, and were begun anew.", "duty");

    private static readonly Counter LogLinesDropped = Prometheus.Metrics.CreateCounter(
        "service_log_lines_dropped_total", "Log lines that were dropped because nobody read the output fast enough.");

    public static void Started(DateTimeOffset now) => StartTime.Set(now.ToUnixTimeMilliseconds() / 1000.0);

    public static void LogLineDropped() => LogLinesDropped.Inc();

    public static void DutyRestarted(string duty) => DutyRestarts.WithLabels(duty).Inc();
}
