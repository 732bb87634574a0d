using Prometheus;

namespace Connectors.Sdk.Hosting;

/// <summary>Every metric of connectors, and of what they share with other services.</summary>
internal static class Metrics
{
    private static readonly string[] Verdicts = ["completed", "unwanted", "failed", "abandoned"];

    private static readonly Counter Events = Prometheus.Metrics.CreateCounter(
        "connector_events_total", "Events that came to their end, by topic and verdict: completed, unwanted, failed or abandoned.", "topic", "verdict");

    private static readonly Counter Unmatched = Prometheus.Metrics.CreateCounter(
        "connector_events_unmatched_total", "Events of a topic that no function wants.", "topic");

    private static readonly Counter HeadersLeftOut = Prometheus.Metrics.CreateCounter(
        "connector_headers_left_out_total", "Headers of events that calls cannot have, because HTTP sets them itself or they have no name.", "topic");

    private static readonly Counter Reruns = Prometheus.Metrics.CreateCounter(
        "connector_event_reruns_total", "Runs of an event after its first, without its source having taken it back.", "topic");

    private static readonly Counter SettleFailures = Prometheus.Metrics.CreateCounter(
        "connector_settle_failures_total", "Events that could not be settled with their source and are left to its redelivery.", "topic");

    private static readonly Gauge Inflight = Prometheus.Metrics.CreateGauge("connector_inflight_events", "Events running or waiting for their order key.");

    private static readonly Counter Calls = Prometheus.Metrics.CreateCounter(
        "connector_calls_total", "Calls of functions, by kind of outcome.", "function_name", "outcome");

    private static readonly Histogram CallSeconds = Prometheus.Metrics.CreateHistogram(
        "connector_call_seconds", "How long calls of functions took.", ["function_name"], new HistogramConfiguration { Buckets = Histogram.ExponentialBuckets(0.001, 4, 9) });

    private static readonly Counter SourceFailures = Prometheus.Metrics.CreateCounter(
        "connector_source_failures_total", "How often reading the event source failed and was begun anew.");

    private static readonly Counter Rebuilds = Prometheus.Metrics.CreateCounter(
        "connector_topic_map_rebuilds_total", "Rebuilds of the topic map, by result: ok or failed.", "result");

    private static readonly Gauge MapTime = Prometheus.Metrics.CreateGauge(
        "connector_topic_map_timestamp_seconds", "When the topic map in use was built; time() minus this is its age.");

    private static readonly Gauge MapLeftOut = Prometheus.Metrics.CreateGauge(
        "connector_topic_map_left_out", "Functions in the gateway's last list that could not be read or called, and namespaces that could not be read: they are left out.");

    private static readonly Gauge MapFunctions = Prometheus.Metrics.CreateGauge("connector_topic_map_functions", "Functions that want any topic.");

    private static readonly Gauge Circuits = Prometheus.Metrics.CreateGauge(
        "connector_circuit_open", "1 while a target failed so often that it is left alone for some seconds.", "target");

    public static void EventEnded(string topic, string verdict) => Events.WithLabels(topic, verdict).Inc();

    public static void EventUnmatched(string topic) => Unmatched.WithLabels(topic).Inc();

    public static void HeaderLeftOut(string topic) => HeadersLeftOut.WithLabels(topic).Inc();

    public static void Rerun(string topic) => Reruns.WithLabels(topic).Inc();

    public static void SettleFailed(string topic) => SettleFailures.WithLabels(topic).Inc();

    /// <summary>A topic that is there no more.</summary>
    public static void ForgetTopic(string topic)
    {
        foreach (var verdict in Verdicts)
        {
            Events.RemoveLabelled(topic, verdict);
        }

        foreach (var counter in new[] { Unmatched, HeadersLeftOut, Reruns, SettleFailures })
        {
            counter.RemoveLabelled(topic);
        }
    }

    public static void Running(int change) => Inflight.Inc(change);

    public static void Called(string function, string outcome, TimeSpan duration)
    {
        Calls.WithLabels(function, outcome).Inc();
        CallSeconds.WithLabels(function).Observe(duration.TotalSeconds);
    }

    /// <summary>A function that is called no more, with all outcomes that there are.</summary>
    public static void Forget(string function, IEnumerable<string> outcomes)
    {
        foreach (var outcome in outcomes)
        {
            Calls.RemoveLabelled(function, outcome);
        }

        CallSeconds.RemoveLabelled(function);
    }

    public static void SourceFailed() => SourceFailures.Inc();

    public static void MapRebuilt(int functions, int leftOut, DateTimeOffset now)
    {
        Rebuilds.WithLabels("ok").Inc();
        MapTime.Set(now.ToUnixTimeMilliseconds() / 1000.0);
        MapFunctions.Set(functions);
        MapLeftOut.Set(leftOut);
    }

    public static void MapFailed() => Rebuilds.WithLabels("failed").Inc();

    public static void Circuit(string target, bool isOpen) => Circuits.WithLabels(target).Set(isOpen ? 1 : 0);
}
