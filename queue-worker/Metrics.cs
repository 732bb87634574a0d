using System.Collections.Concurrent;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Prometheus;

namespace Connectors.QueueWorker;

/// <summary>Every metric of the queue-worker. Names of OpenFaaS where it has one, ours in the same style.</summary>
internal static class Metrics
{
    private static readonly string[] Queue = ["queue_name"];
    private static readonly string[] QueueAndFunction = ["queue_name", "function_name"];

    private static readonly HistogramConfiguration Seconds = new() { Buckets = [.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600] };

    private static readonly Gauge PendingCalls = Prometheus.Metrics.CreateGauge(
        "queue_worker_pending_messages", "Calls that wait for a worker: stored, due, and running in none; every replica shows the same.", QueueAndFunction);

    private static readonly Gauge OldestPendingSeconds = Prometheus.Metrics.CreateGauge(
        "queue_worker_oldest_pending_seconds", "For how long a call has not ended at most, since it was accepted, put back or tried last; 0 when there is none.", Queue);

    private static readonly Gauge UndeliveredCallbacks = Prometheus.Metrics.CreateGauge(
        "queue_worker_waiting_callbacks", "Callbacks that are stored and not delivered yet; every replica shows the same.", Queue);

    private static readonly Gauge OldestCallbackSeconds = Prometheus.Metrics.CreateGauge(
        "queue_worker_oldest_callback_seconds", "For how long a callback has waited at most, since its call ended or since it was tried last; 0 when none does.", Queue);

    private static readonly Gauge Retries = Prometheus.Metrics.CreateGauge(
        "queue_worker_waiting_retries", "Calls that this worker nakked until their time comes.", Queue);

    private static readonly Gauge DelayedCalls = Prometheus.Metrics.CreateGauge(
        "queue_worker_delayed_calls", "Calls whose time, which their callers named, has not come; every replica shows the same.", QueueAndFunction);

    private static readonly Gauge HeldCalls = Prometheus.Metrics.CreateGauge(
        "queue_worker_held_calls", "Calls that were put aside because their function is paused or cannot be reached; every replica shows the same.", QueueAndFunction);

    private static readonly Gauge QueuePaused = Prometheus.Metrics.CreateGauge(
        "queue_worker_paused", "1 while the queue is paused, so that none of its calls is started; every replica shows the same.", Queue);

    private static readonly Gauge BreakerOpen = Prometheus.Metrics.CreateGauge(
        "queue_worker_breaker_open", "1 while a function cannot be reached and its calls wait; every replica shows the same.", QueueAndFunction);

    private static readonly Gauge KnownCancellations = Prometheus.Metrics.CreateGauge(
        "queue_worker_cancelled_ids", "Call ids of all queues that were cancelled in the last 14 days, as this worker knows them.", Queue);

    private static readonly Counter Ends = Prometheus.Metrics.CreateCounter(
        "queue_worker_call_ends_total", "Calls that came to their end here: succeeded, dead, cancelled or expired.", ["queue_name", "function_name", "end"]);

    private static readonly Counter ProcessedTotal = Prometheus.Metrics.CreateCounter(
        "queue_worker_messages_processed_total", "Messages brought to their end by this worker.", Queue);

    // OpenFaaS's own name and type: a total that is a gauge, as it is read from the stream's state.
    private static readonly Gauge SubmittedTotal = Prometheus.Metrics.CreateGauge(
        "queue_worker_messages_submitted_total", "Messages ever stored in the queue's stream.", Queue);

    private static readonly Gauge FunctionInflight = Prometheus.Metrics.CreateGauge(
        "queue_worker_function_invocation_inflight", "Calls running in this worker.", QueueAndFunction);

    private static readonly Counter Reconnects = Prometheus.Metrics.CreateCounter(
        "queue_worker_nats_reconnect_total", "Reconnections to the NATS server.");

    private static readonly Counter AttemptsTotal = Prometheus.Metrics.CreateCounter(
        "queue_worker_attempts_total", "Sends of calls by the status they ended with.", ["queue_name", "function_name", "code"]);

    private static readonly Histogram CallSeconds = Prometheus.Metrics.CreateHistogram(
        "queue_worker_call_duration_seconds", "Duration of sends.", QueueAndFunction, Seconds);

    private static readonly Histogram QueueSeconds = Prometheus.Metrics.CreateHistogram(
        "queue_worker_queue_time_seconds", "Time from accept to the first send.", QueueAndFunction, Seconds);

    private static readonly Counter Callbacks = Prometheus.Metrics.CreateCounter(
        "queue_worker_callback_attempts_total", "Callback POSTs: delivered, refused (an answer that is no success) or unreachable.", ["queue_name", "outcome"]);

    private static readonly Counter CallbacksPutOff = Prometheus.Metrics.CreateCounter(
        "queue_worker_callbacks_put_off_total", "Times that a callback was given back unposted, for its receiver held its share of the slots.", Queue);

    private static readonly Gauge SlowReceivers = Prometheus.Metrics.CreateGauge(
        "queue_worker_slow_receivers", "Receivers of callbacks that this worker knows as slow: what was posted to them last took more than a second, or something does now.", Queue);

    private static readonly Counter DeadLetters = Prometheus.Metrics.CreateCounter(
        "queue_worker_dead_letters_total", "Dead letters written, by reason.", ["queue_name", "reason"]);

    private static readonly Counter LeaseRenewals = Prometheus.Metrics.CreateCounter(
        "queue_worker_lease_renewals_total", "In-progress acks sent for running work.");

    private static readonly Counter AcksRepeated = Prometheus.Metrics.CreateCounter(
        "queue_worker_acks_repeated_total", "Messages that were delivered again although they were acked here: acked again, not run.", Queue);

    private static readonly Counter AcksLost = Prometheus.Metrics.CreateCounter(
        "queue_worker_acks_lost_total", "Acks that may be lost: they could not be sent at once, or the servers of a replicated stream did not agree on them.", Queue);

    private static readonly Counter MessagesLost = Prometheus.Metrics.CreateCounter(
        "queue_worker_lost_messages_total", "Messages that were gone, or whose numbers were others' by then, when their work here ended or their leases were due: nothing was sent for them.", Queue);

    private static readonly Gauge OverdueSeconds = Prometheus.Metrics.CreateGauge(
        "queue_worker_overdue_seconds", "By how much the slowest work that holds a slot is over its own limit, for calls and for callbacks; 0 when none is.", ["queue_name", "work"]);

    private static readonly Gauge LearnedLimit = Prometheus.Metrics.CreateGauge(
        "queue_worker_learned_limit", "Calls that a function is thought to take at once from this worker (function mode).", QueueAndFunction);

    private static readonly Counter ResultsLost = Prometheus.Metrics.CreateCounter(
        "queue_worker_results_lost_total", "Results that could not be stored for their callers.");

    private static readonly Counter NewerEnvelopes = Prometheus.Metrics.CreateCounter(
        "queue_worker_newer_envelopes_total", "Messages nakked because only a newer worker understands them.", Queue);

    private static readonly Counter HistoryWrites = Prometheus.Metrics.CreateCounter(
        "queue_worker_history_written_total", "Ends of calls and callbacks written to the history.", Queue);

    private static readonly Counter HistoryDrops = Prometheus.Metrics.CreateCounter(
        "queue_worker_history_dropped_total", "Ends of calls and callbacks that are not in the history, for the stream did not take them.", Queue);

    private static readonly ConcurrentDictionary<(string, FunctionName), FunctionMetrics> Functions = new();

    /// <summary>Shows what can be counted before anything is: an increase is seen only from one sample to the next.</summary>
    public static void Begin(string queue)
    {
        HistoryDrops.WithLabels(queue).Publish();
        MessagesLost.WithLabels(queue).Publish();
        foreach (var reason in DeadReasons.All)
        {
            DeadLetters.WithLabels(queue, reason).Publish();
        }
    }

    public static void CancelledIds(string queue, int count) => KnownCancellations.WithLabels(queue).Set(count);

    public static void Submitted(string queue, ulong messages) => SubmittedTotal.WithLabels(queue).Set(messages);

    public static void OldestPending(string queue, TimeSpan age) => OldestPendingSeconds.WithLabels(queue).Set(age.TotalSeconds);

    public static void WaitingCallbacks(string queue, long count) => UndeliveredCallbacks.WithLabels(queue).Set(count);

    public static void OldestCallback(string queue, TimeSpan age) => OldestCallbackSeconds.WithLabels(queue).Set(age.TotalSeconds);

    public static void WaitingRetries(string queue, long count) => Retries.WithLabels(queue).Set(count);

    public static void Pending(string queue, string function, long waiting) => PendingCalls.WithLabels(queue, function).Set(waiting);

    public static void NonePending(string queue, string function) => PendingCalls.RemoveLabelled(queue, function);

    public static void NoneAside(string queue, string function)
    {
        DelayedCalls.RemoveLabelled(queue, function);
        HeldCalls.RemoveLabelled(queue, function);
    }

    public static void Aside(string queue, string function, long delayed, long held)
    {
        DelayedCalls.WithLabels(queue, function).Set(delayed);
        HeldCalls.WithLabels(queue, function).Set(held);
    }

    /// <summary>Nobody looks at the queue any more: figures that stand still would be taken for a queue that does.</summary>
    public static void Unseen()
    {
        foreach (var gauge in new[] { SubmittedTotal, OldestPendingSeconds, PendingCalls, DelayedCalls, HeldCalls, Retries, UndeliveredCallbacks, OldestCallbackSeconds })
        {
            foreach (var labels in gauge.GetAllLabelValues())
            {
                gauge.RemoveLabelled(labels);
            }
        }
    }

    public static void Paused(string queue, bool isPaused) => QueuePaused.WithLabels(queue).Set(isPaused ? 1 : 0);

    public static void Breaker(string queue, FunctionName function, bool isOpen)
    {
        if (isOpen)
        {
            BreakerOpen.WithLabels(queue, function.ToString()).Set(1);
        }
        else
        {
            BreakerOpen.RemoveLabelled(queue, function.ToString());
        }
    }

    /// <summary>Calls that run in this worker, by function. Only of functions that have some: those that ever had are too many to tell of every few seconds.</summary>
    public static Dictionary<string, long> Running() => FunctionInflight.GetAllLabelValues()
        .Select(labels => KeyValuePair.Create(labels[1], (long)FunctionInflight.WithLabels(labels).Value))
        .Where(running => running.Value > 0)
        .ToDictionary();

    /// <summary>What is counted for each call of a function.</summary>
    public static FunctionMetrics Of(string queue, FunctionName function) => Functions.GetOrAdd((queue, function), static of => new FunctionMetrics(of.Item1, of.Item2.ToString())
    {
        Inflight = FunctionInflight.WithLabels(of.Item1, of.Item2.ToString()),
        Duration = CallSeconds.WithLabels(of.Item1, of.Item2.ToString()),
        QueueTime = QueueSeconds.WithLabels(of.Item1, of.Item2.ToString()),
        Succeeded = Ends.WithLabels(of.Item1, of.Item2.ToString(), StoredResult.Succeeded),
    });

    public static Counter.Child Attempts(string queue, string function, int status) => AttemptsTotal.WithLabels(queue, function, status.ToString());

    public static void AckRepeated(string queue) => AcksRepeated.WithLabels(queue).Inc();

    public static void AckLost(string queue) => AcksLost.WithLabels(queue).Inc();

    public static void MessageLost(string queue) => MessagesLost.WithLabels(queue).Inc();

    public static void Ended(string queue, FunctionName function, string end) => Ends.WithLabels(queue, function.ToString(), end).Inc();

    public static Counter.Child Processed(string queue) => ProcessedTotal.WithLabels(queue);

    public static void Reconnected() => Reconnects.Inc();

    public static void CalledBack(string queue, string outcome) => Callbacks.WithLabels(queue, outcome).Inc();

    public static void CallbackPutOff(string queue) => CallbacksPutOff.WithLabels(queue).Inc();

    public static void ReceiverTurned(string queue, bool isSlow) => SlowReceivers.WithLabels(queue).Inc(isSlow ? 1 : -1);

    public static void DeadLettered(string queue, string reason) => DeadLetters.WithLabels(queue, reason).Inc();

    public static void LeaseRenewed() => LeaseRenewals.Inc();

    public static void Overdue(string queue, string work, TimeSpan time) => OverdueSeconds.WithLabels(queue, work).Set(time.TotalSeconds);

    public static void Learned(string queue, FunctionName function, double limit) => LearnedLimit.WithLabels(queue, function.ToString()).Set(limit);

    public static void Forgot(string queue, FunctionName function) => LearnedLimit.RemoveLabelled(queue, function.ToString());

    public static void ResultLost() => ResultsLost.Inc();

    public static void HistoryWritten(string queue, int count) => HistoryWrites.WithLabels(queue).Inc(count);

    public static void HistoryDropped(string queue, int count) => HistoryDrops.WithLabels(queue).Inc(count);

    public static void NakkedNewer(string queue) => NewerEnvelopes.WithLabels(queue).Inc();
}

/// <summary>The metrics of one function's calls, looked up once.</summary>
internal sealed class FunctionMetrics(string queue, string function)
{
    private readonly ConcurrentDictionary<int, Counter.Child> _attempts = new();

    /// <summary>The function as labels and log lines call it.</summary>
    public string Function => function;

    public required Gauge.Child Inflight { get; init; }

    public required Histogram.Child Duration { get; init; }

    public required Histogram.Child QueueTime { get; init; }

    public required Counter.Child Succeeded { get; init; }

    public void Attempted(int status, TimeSpan took)
    {
        _attempts.GetOrAdd(status, code => Metrics.Attempts(queue, function, code)).Inc();
        Duration.Observe(took.TotalSeconds);
    }
}
