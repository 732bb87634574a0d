using System.Collections.Concurrent;
using Connectors.QueueWorker.Dispatching;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Prometheus;

namespace Connectors.QueueWorker;

/// <summary>Every metric of the queue-worker. Names of OpenFaaS where it has one, ours in the same style.</summary>
internal static class Metrics
{
    /// <summary>Stands for every function of which nobody has said that it is there: callers choose names, and labels must have an end.</summary>
    public const string Unlisted = "unknown";

    // For how long the series of a function without calls are kept, so that those of one that is called daily stay; and where there are more functions than so many.
    private const int MaxFunctions = 1_000;
    private static readonly TimeSpan Kept = TimeSpan.FromHours(25);
    private static readonly TimeSpan KeptOfTooMany = TimeSpan.FromMinutes(10);

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

    // Null for all that nobody has listed.
    private static readonly ConcurrentDictionary<(string Queue, FunctionName? Listed), FunctionSeries> Functions = new();

    // By function, listed or not; only of those that have some.
    private static readonly ConcurrentDictionary<string, long> RunningCalls = new();

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
    public static Dictionary<string, long> Running() => RunningCalls.Where(running => running.Value > 0).ToDictionary();

    /// <summary>A call begins to run.</summary>
    public static void Began(string function) => RunningCalls.AddOrUpdate(function, 1, static (_, running) => running + 1);

    /// <summary>A call runs no more.</summary>
    public static void Over(string function)
    {
        if (RunningCalls.AddOrUpdate(function, 0, static (_, running) => running - 1) == 0)
        {
            RunningCalls.TryRemove(new KeyValuePair<string, long>(function, 0));
        }
    }

    /// <summary>Counts a call of a function, whose series stay at least until that is disposed.</summary>
    public static CountedCall Count(string queue, Envelope envelope)
    {
        var series = Hold(queue, envelope);
        return new CountedCall(series, envelope.IsUnlisted ? envelope.FunctionName.ToString() : series.Function);
    }

    public static void Ended(string queue, Envelope envelope, string end)
    {
        var series = Hold(queue, envelope);
        series.Ended(end);
        series.Release();
    }

    /// <summary>
    /// Forgets the functions of a queue that have had no call for long; where there are too many functions, those that have had none for longest sooner. Otherwise
    /// whoever deploys functions under ever new names has all of them in every scrape.
    /// </summary>
    /// <param name="queue">The queue.</param>
    /// <param name="isWaiting">Whether a call of the function is stored.</param>
    /// <param name="time">The clock.</param>
    public static void ForgetUnused(string queue, Predicate<string> isWaiting, TimeProvider time)
    {
        var unused = new List<(FunctionName Name, FunctionSeries Series)>();
        var all = 0;
        foreach (var (of, series) in Functions)
        {
            if (of.Queue != queue || of.Listed is not { } name)
            {
                continue;
            }

            all++;
            if (series.TakeUse() || isWaiting(series.Function))
            {
                series.LastUse = time.GetTimestamp();
            }
            else if (time.GetElapsedTime(series.LastUse) > KeptOfTooMany)
            {
                unused.Add((name, series));
            }
        }

        var tooMany = all - MaxFunctions;
        foreach (var (name, series) in unused.OrderBy(one => one.Series.LastUse).TakeWhile((one, rank) => rank < tooMany || time.GetElapsedTime(one.Series.LastUse) > Kept))
        {
            if (series.TryEnd())
            {
                Remove(series);
                Functions.TryRemove(new KeyValuePair<(string, FunctionName?), FunctionSeries>((queue, name), series));
            }
        }
    }

    public static Counter.Child Attempts(string queue, string function, int status) => AttemptsTotal.WithLabels(queue, function, status.ToString());

    public static Counter.Child EndsOf(string queue, string function, string end) => Ends.WithLabels(queue, function, end);

    public static void AckRepeated(string queue) => AcksRepeated.WithLabels(queue).Inc();

    public static void AckLost(string queue) => AcksLost.WithLabels(queue).Inc();

    public static void MessageLost(string queue) => MessagesLost.WithLabels(queue).Inc();

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

    // One that is being forgotten is gone in a moment, and begins anew.
    private static FunctionSeries Hold(string queue, Envelope envelope)
    {
        FunctionName? listed = envelope.IsUnlisted ? null : envelope.FunctionName;
        var wait = default(SpinWait);
        while (true)
        {
            var series = Functions.GetOrAdd((queue, listed), static of => SeriesOf(of.Queue, of.Listed?.ToString() ?? Unlisted));
            if (series.TryHold())
            {
                return series;
            }

            wait.SpinOnce();
        }
    }

    private static FunctionSeries SeriesOf(string queue, string function) => new(queue, function)
    {
        Inflight = FunctionInflight.WithLabels(queue, function),
        Duration = CallSeconds.WithLabels(queue, function),
        QueueTime = QueueSeconds.WithLabels(queue, function),
    };

    private static void Remove(FunctionSeries series)
    {
        FunctionInflight.RemoveLabelled(series.Queue, series.Function);
        CallSeconds.RemoveLabelled(series.Queue, series.Function);
        QueueSeconds.RemoveLabelled(series.Queue, series.Function);
        foreach (var status in series.Statuses)
        {
            AttemptsTotal.RemoveLabelled(series.Queue, series.Function, status.ToString());
        }

        foreach (var end in series.Ends)
        {
            Ends.RemoveLabelled(series.Queue, series.Function, end);
        }
    }
}
