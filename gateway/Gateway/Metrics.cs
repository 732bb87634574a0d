using System.Collections.Concurrent;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Prometheus;

namespace Connectors.Gateway;

/// <summary>Everything that the gateway counts; OpenFaaS's names where it has them.</summary>
internal static class Metrics
{
    /// <summary>Stands for every name that is no function's: callers choose names, and labels must have an end.</summary>
    public const string NoFunction = "unknown";

    // Those of Prometheus's Go client, which the dashboards of OpenFaaS know.
    private static readonly double[] Buckets = [.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10];
    private static readonly double[] PublishBuckets = [.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5];

    private static readonly ConcurrentDictionary<string, long> Counts = new();

    private static readonly Histogram Seconds = Prometheus.Metrics.CreateHistogram(
        "gateway_functions_seconds", "Time that functions took to answer", ["function_name", "code"], new HistogramConfiguration { Buckets = Buckets });

    private static readonly Counter Invocations = Prometheus.Metrics.CreateCounter(
        "gateway_function_invocation_total", "Answered calls of functions", ["function_name", "code"]);

    private static readonly Counter Started = Prometheus.Metrics.CreateCounter(
        "gateway_function_invocation_started", "Calls of functions begun", ["function_name"]);

    private static readonly Gauge Inflight = Prometheus.Metrics.CreateGauge(
        "gateway_function_invocation_inflight", "Calls of functions running now", ["function_name"]);

    private static readonly Gauge Replicas = Prometheus.Metrics.CreateGauge(
        "gateway_service_count", "Replicas of functions", ["function_name"]);

    private static readonly Gauge ReadyReplicas = Prometheus.Metrics.CreateGauge(
        "gateway_service_ready_count", "Available replicas of functions", ["function_name"]);

    private static readonly Gauge MinReplicas = Prometheus.Metrics.CreateGauge(
        "gateway_service_min", "Least replicas of functions", ["function_name"]);

    private static readonly Gauge TargetLoad = Prometheus.Metrics.CreateGauge(
        "gateway_service_target_load", "Load for each replica that a function's scaling aims at", ["function_name", "scaling_type"]);

    private static readonly Counter HttpRequests = Prometheus.Metrics.CreateCounter(
        "http_requests_total", "Requests of /system/ and /async-function/", ["method", "path", "status"]);

    private static readonly Histogram HttpSeconds = Prometheus.Metrics.CreateHistogram(
        "http_request_duration_seconds", "Time that requests of /system/ and /async-function/ took", ["method", "path", "status"], new HistogramConfiguration { Buckets = Buckets });

    private static readonly Counter ProviderRequests = Prometheus.Metrics.CreateCounter(
        "provider_http_requests_total", "Requests that the embedded provider answered", ["code", "method", "path"]);

    private static readonly Histogram ProviderSeconds = Prometheus.Metrics.CreateHistogram(
        "provider_http_request_duration_seconds", "Time that the embedded provider took to answer", ["code", "method", "path"], new HistogramConfiguration { Buckets = Buckets });

    private static readonly Counter Accepts = Prometheus.Metrics.CreateCounter(
        "gateway_async_requests_total", "Async calls by queue and answer", ["queue_name", "code"]);

    private static readonly Histogram PublishSeconds = Prometheus.Metrics.CreateHistogram(
        "gateway_async_publish_seconds", "Time until a stream had stored an async call", ["queue_name"], new HistogramConfiguration { Buckets = PublishBuckets });

    private static readonly Gauge UntakenSeconds = Prometheus.Metrics.CreateGauge(
        "gateway_queue_untaken_seconds", "For how long calls have waited in a queue without any being taken", ["queue_name"]);

    private static readonly Counter NatsReconnects = Prometheus.Metrics.CreateCounter(
        "gateway_nats_reconnect_total", "Connections to NATS that were made anew");

    public static void CallStarted(string function)
    {
        Started.WithLabels(function).Inc();
        Inflight.WithLabels(function).Inc();
    }

    public static void CallEnded(string startedAs, string function, int status, TimeSpan took)
    {
        var code = status.ToString();
        Inflight.WithLabels(startedAs).Dec();
        Invocations.WithLabels(function, code).Inc();
        Seconds.WithLabels(function, code).Observe(took.TotalSeconds);
        Counts.AddOrUpdate(function, 1, (_, count) => count + 1);
    }

    public static double InvocationsOf(FunctionName function) => Counts.GetValueOrDefault(function.ToString());

    public static void ServiceSeen(string function, ulong replicas, ulong ready, ulong min, ScaleTarget target)
    {
        Replicas.WithLabels(function).Set(replicas);
        ReadyReplicas.WithLabels(function).Set(ready);
        MinReplicas.WithLabels(function).Set(min);
        TargetLoad.WithLabels(function, target.Type).Set(target.Load);
    }

    public static void ServiceGone(string function, ScaleTarget target)
    {
        Replicas.RemoveLabelled(function);
        ReadyReplicas.RemoveLabelled(function);
        MinReplicas.RemoveLabelled(function);
        TargetLoad.RemoveLabelled(function, target.Type);
    }

    public static void HttpAnswered(string method, string path, int status, TimeSpan took)
    {
        HttpRequests.WithLabels(method, path, status.ToString()).Inc();
        HttpSeconds.WithLabels(method, path, status.ToString()).Observe(took.TotalSeconds);
    }

    public static void ProviderAnswered(string method, string path, int status, TimeSpan took)
    {
        ProviderRequests.WithLabels(status.ToString(), method, path).Inc();
        ProviderSeconds.WithLabels(status.ToString(), method, path).Observe(took.TotalSeconds);
    }

    public static void Accepted(string queue, int status) => Accepts.WithLabels(queue, status.ToString()).Inc();

    public static void Published(string queue, TimeSpan took) => PublishSeconds.WithLabels(queue).Observe(took.TotalSeconds);

    public static void Stalled(string queue, TimeSpan time) => UntakenSeconds.WithLabels(queue).Set(time.TotalSeconds);

    public static void QueueGone(string queue) => UntakenSeconds.RemoveLabelled(queue);

    public static void NatsReconnected() => NatsReconnects.Inc();
}
