using Prometheus;

namespace Connectors.Cron;

/// <summary>Every metric of the cron connector itself.</summary>
internal static class Metrics
{
    private static readonly Counter Firings = Prometheus.Metrics.CreateCounter(
        "cron_connector_firings_total", "Ticks that were fired, by function and result: succeeded or failed.", "function_name", "result");

    private static readonly Counter Misfires = Prometheus.Metrics.CreateCounter(
        "cron_connector_misfires_total", "Ticks that were not fired, by function and reason: missed or overlap.", "function_name", "reason");

    private static readonly Histogram LatenessSeconds = Prometheus.Metrics.CreateHistogram(
        "cron_connector_lateness_seconds", "Time from a tick's due time, jitter included, to its firing.", new HistogramConfiguration { Buckets = Histogram.ExponentialBuckets(0.001, 4, 10) });

    private static readonly Gauge NextDue = Prometheus.Metrics.CreateGauge(
        "cron_connector_next_due_timestamp_seconds", "When a function's schedule is due next.", "function_name", "schedule");

    private static readonly Gauge LastFiring = Prometheus.Metrics.CreateGauge(
        "cron_connector_last_firing_timestamp_seconds", "When a function's last tick was fired.", "function_name");

    private static readonly Gauge BadSchedules = Prometheus.Metrics.CreateGauge(
        "cron_connector_bad_schedule", "1 for a function with a schedule that is left out.", "function_name", "reason");

    private static readonly Counter Takeovers = Prometheus.Metrics.CreateCounter(
        "cron_connector_takeovers_total", "Ticks taken over from a replica that died or was stopped.", "function_name");

    private static readonly Counter CursorFailures = Prometheus.Metrics.CreateCounter(
        "cron_connector_cursor_failures_total", "How often shared cursors could not be read or written.");

    private static readonly Counter CursorsTakenBack = Prometheus.Metrics.CreateCounter(
        "cron_connector_cursors_taken_back_total", "Cursors that a wrong clock had moved ahead and that were taken back.", "function_name");

    private static readonly Gauge CursorsAheadOfClock = Prometheus.Metrics.CreateGauge(
        "cron_connector_cursors_ahead", "Schedules whose cursor lies ahead of this machine's clock and not of the broker's: this clock is behind.");

    // Guards the functions that are counted: a tick that ends after its function is gone would bring its series back for good.
    private static readonly Lock Gate = new();
    private static readonly HashSet<string> Known = new(StringComparer.Ordinal);

    /// <summary>Shows what can be counted of a function before anything is: an increase is seen only from one sample to the next.</summary>
    public static void Begin(string function)
    {
        lock (Gate)
        {
            Known.Add(function);
            Firings.WithLabels(function, "succeeded").Publish();
            Firings.WithLabels(function, "failed").Publish();
            Misfires.WithLabels(function, "missed").Publish();
            Misfires.WithLabels(function, "overlap").Publish();
            CursorsTakenBack.WithLabels(function).Publish();
        }
    }

    /// <summary>A function without schedules, or one that is not there any more.</summary>
    public static void Forget(string function)
    {
        lock (Gate)
        {
            Known.Remove(function);
            Firings.RemoveLabelled(function, "succeeded");
            Firings.RemoveLabelled(function, "failed");
            Misfires.RemoveLabelled(function, "missed");
            Misfires.RemoveLabelled(function, "overlap");
            CursorsTakenBack.RemoveLabelled(function);
            Takeovers.RemoveLabelled(function);
            LastFiring.RemoveLabelled(function);
        }
    }

    public static void Fired(string function, bool succeeded, DateTimeOffset now) => IfKnown(function, () =>
    {
        Firings.WithLabels(function, succeeded ? "succeeded" : "failed").Inc();
        LastFiring.WithLabels(function).Set(now.ToUnixTimeMilliseconds() / 1000.0);
    });

    public static void Missed(string function, int ticks) => IfKnown(function, () => Misfires.WithLabels(function, "missed").Inc(ticks));

    public static void Overlapped(string function) => IfKnown(function, () => Misfires.WithLabels(function, "overlap").Inc());

    public static void Late(TimeSpan lateness) => LatenessSeconds.Observe(Math.Max(0, lateness.TotalSeconds));

    public static void Due(string function, string schedule, DateTimeOffset next) => NextDue.WithLabels(function, schedule).Set(next.ToUnixTimeMilliseconds() / 1000.0);

    public static void NotDue(string function, string schedule) => NextDue.RemoveLabelled(function, schedule);

    public static void BadSchedule(string function, string reason) => BadSchedules.WithLabels(function, reason).Set(1);

    public static void NoBadSchedule(string function, string reason) => BadSchedules.RemoveLabelled(function, reason);

    public static void TakenOver(string function) => IfKnown(function, () => Takeovers.WithLabels(function).Inc());

    public static void TakenBack(string function) => IfKnown(function, () => CursorsTakenBack.WithLabels(function).Inc());

    public static void CursorsAhead(int count) => CursorsAheadOfClock.Set(count);

    public static void CursorFailed() => CursorFailures.Inc();

    private static void IfKnown(string function, Action count)
    {
        lock (Gate)
        {
            if (Known.Contains(function))
            {
                count();
            }
        }
    }
}
