using Prometheus;

namespace Connectors.QueueWorker;

/// <summary>Every metric of the queue-worker. Names of OpenFaaS where it has one, ours in the same style.</summary>
internal sealed class Metrics
{
    private static readonly string[] Queue = ["queue_name"];
    private static readonly string[] QueueAndFunction = ["queue_name", "function_name"];

    private static readonly HistogramConfiguration Seconds = new() { Buckets = [.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600] };

    public Gauge Pending { get; } = Prometheus.Metrics.CreateGauge(
        "queue_worker_pending_messages", "Calls waiting, per function.", QueueAndFunction);

    public Gauge OldestPending { get; } = Prometheus.Metrics.CreateGauge(
        "queue_worker_oldest_pending_seconds", "Age of the oldest call that has not ended; 0 when there is none.", Queue);

    public Gauge WaitingRetries { get; } = Prometheus.Metrics.CreateGauge(
        "queue_worker_waiting_retries", "Calls that this worker nakked until their time comes.", Queue);

    public Counter Ends { get; } = Prometheus.Metrics.CreateCounter(
        "queue_worker_call_ends_total", "Calls that came to their end here: succeeded, dead, cancelled or expired.", ["queue_name", "function_name", "end"]);

    public Counter Processed { get; } = Prometheus.Metrics.CreateCounter(
        "queue_worker_messages_processed_total", "Messages brought to their end by this worker.", Queue);

    /// <summary>OpenFaaS's own name and type: a total that is a gauge, as it is read from the stream's state.</summary>
    public Gauge Submitted { get; } = Prometheus.Metrics.CreateGauge(
        "queue_worker_messages_submitted_total", "Messages ever stored in the queue's stream.", Queue);

    public Gauge FunctionInflight { get; } = Prometheus.Metrics.CreateGauge(
        "queue_worker_function_invocation_inflight", "Calls running in this worker.", QueueAndFunction);

    public Counter Reconnects { get; } = Prometheus.Metrics.CreateCounter(
        "queue_worker_nats_reconnect_total", "Reconnections to the NATS server.");

    public Counter Attempts { get; } = Prometheus.Metrics.CreateCounter(
        "queue_worker_attempts_total", "Sends of calls by the status they ended with.", ["queue_name", "function_name", "code"]);

    public Histogram CallDuration { get; } = Prometheus.Metrics.CreateHistogram(
        "queue_worker_call_duration_seconds", "Duration of sends.", QueueAndFunction, Seconds);

    public Histogram QueueTime { get; } = Prometheus.Metrics.CreateHistogram(
        "queue_worker_queue_time_seconds", "Time from accept to the first send.", QueueAndFunction, Seconds);

    public Counter Callbacks { get; } = Prometheus.Metrics.CreateCounter(
        "queue_worker_callback_attempts_total", "Callback POSTs: delivered, refused (an answer that is no success) or unreachable.", ["queue_name", "outcome"]);

    public Counter DeadLetters { get; } = Prometheus.Metrics.CreateCounter(
        "queue_worker_dead_letters_total", "Dead letters written, by reason.", ["queue_name", "reason"]);

    public Counter LeaseRenewals { get; } = Prometheus.Metrics.CreateCounter(
        "queue_worker_lease_renewals_total", "In-progress acks sent for running work.");

    public Gauge Overdue { get; } = Prometheus.Metrics.CreateGauge(
        "queue_worker_overdue_seconds", "By how much the slowest work that holds a slot is over its own limit, for calls and for callbacks; 0 when none is.", ["queue_name", "work"]);

    public Gauge LearnedLimit { get; } = Prometheus.Metrics.CreateGauge(
        "queue_worker_learned_limit", "Calls that a function is thought to take at once from this worker (function mode).", QueueAndFunction);

    public Counter ResultsLost { get; } = Prometheus.Metrics.CreateCounter(
        "queue_worker_results_lost_total", "Results that could not be stored for their callers.");

    public Counter NewerVersion { get; } = Prometheus.Metrics.CreateCounter(
        "queue_worker_newer_envelopes_total", "Messages nakked because only a newer worker understands them.", Queue);

    /// <summary>Counts a call as running until disposed.</summary>
    public IDisposable Inflight(string queue, string function)
    {
        var gauge = FunctionInflight.WithLabels(queue, function);
        gauge.Inc();
        return new InflightCount(gauge);
    }

    /// <summary>Calls of a function that run in this worker.</summary>
    public double Running(string queue, string function) => FunctionInflight.WithLabels(queue, function).Value;

    private sealed class InflightCount(Gauge.Child gauge) : IDisposable
    {
        public void Dispose() => gauge.Dec();
    }
}
