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

    private static readonly Gauge ListTime = Prometheus.Metrics.CreateGauge(
        "gateway_functions_list_timestamp_seconds", "When the provider's functions were listed last; time() minus this is the age of what is known of them");

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
        "gateway_queue_untaken_seconds", "For how long calls or callbacks have waited in a queue without any being taken", ["queue_name"]);

    private static readonly Gauge WaitingCalls = Prometheus.Metrics.CreateGauge(
        "gateway_queue_waiting_calls", "Calls of a queue that wait for a worker, as its scaler was told last", ["queue_name"]);

    private static readonly Gauge WaitingCallsOf = Prometheus.Metrics.CreateGauge(
        "gateway_function_waiting_calls", "Calls that wait in the queue for a function that is scaled by them", ["function_name"]);

    private static readonly Counter Scalings = Prometheus.Metrics.CreateCounter(
        "gateway_function_scalings_total", "Changes of a function's replicas by what waits in its queue: out, in, or to zero", ["function_name", "direction"]);

    private static readonly Counter DeadLetters = Prometheus.Metrics.CreateCounter(
        "gateway_dead_letters_handled_total", "Dead letters that operators dealt with: redriven, edited, deleted", ["queue_name", "action"]);

    private static readonly Gauge PausedSeconds = Prometheus.Metrics.CreateGauge(
        "gateway_queue_paused_seconds", "For how long a queue, or a function in it, has been paused; without a function it is the queue", ["queue_name", "function_name"]);

    private static readonly Counter NatsReconnects = Prometheus.Metrics.CreateCounter(
        "gateway_nats_reconnect_total", "Connections to NATS that were made anew");

    private static readonly Gauge IndexedCalls = Prometheus.Metrics.CreateGauge(
        "gateway_history_indexed_calls", "Ends of calls and callbacks in a queue's history that can be searched here", ["queue_name"]);

    private static readonly Counter Logins = Prometheus.Metrics.CreateCounter(
        "gateway_ui_logins_total", "Logins on the page, by result: ok or refused", ["result"]);

    private static readonly Gauge Listeners = Prometheus.Metrics.CreateGauge(
        "gateway_ui_listeners", "Pages and terminals that follow the queues now");

    // Found by labels once, not for every call. Each is bounded as its labels are.
    private static readonly ConcurrentDictionary<string, FunctionSeries> Calls = new();
    private static readonly ConcurrentDictionary<(string Method, string Path, int Status), (Counter.Child Count, Histogram.Child Seconds)> Answers = new();
    private static readonly ConcurrentDictionary<(string Queue, int Status), Counter.Child> AcceptsOf = new();
    private static readonly ConcurrentDictionary<string, Histogram.Child> Publishes = new();

    // Guards that nobody finds a queue's samples again while they are taken away: what is counted in them later would be seen by no scrape.
    private static readonly Lock QueueSamples = new();

    public static void CallStarted(string function)
    {
        var series = Hold(function);
        series.Started.Inc();
        series.Inflight.Inc();
    }

    public static void CallEnded(string startedAs, string function, int status, TimeSpan took)
    {
        // Held since it started.
        var begun = SeriesOf(startedAs);
        if (function == startedAs)
        {
            begun.Ended(status, took);
        }
        else
        {
            var series = Hold(function);
            series.Ended(status, took);
            series.Release();
        }

        begun.Inflight.Dec();
        begun.Release();
    }

    /// <summary>
    /// Forgets the calls of every function that is not listed now and was not the time before, once none of them runs: otherwise whoever deploys functions under ever new
    /// names has all of them in every scrape. A list may be older than a function's first call.
    /// </summary>
    public static void ForgetUnlisted(IReadOnlyDictionary<string, ScaleLabels> listed)
    {
        foreach (var (function, series) in Calls.Where(one => one.Key != NoFunction))
        {
            series.Unlisted = listed.ContainsKey(function) ? 0 : series.Unlisted + 1;
            if (series.Unlisted > 1 && series.TryEnd())
            {
                series.Remove();
                Calls.TryRemove(new KeyValuePair<string, FunctionSeries>(function, series));
            }
        }
    }

    public static double InvocationsOf(FunctionName function) => Calls.TryGetValue(function.ToString(), out var series) ? series.Count : 0;

    /// <summary>How often a function's calls began, and how many of them run.</summary>
    public static (double Started, double Running) ActivityOf(FunctionName function) =>
        Calls.TryGetValue(function.ToString(), out var series) ? (series.Started.Value, series.Inflight.Value) : (0, 0);

    public static void FunctionsListed(DateTimeOffset now) => ListTime.Set(now.ToUnixTimeMilliseconds() / 1000.0);

    /// <param name="function">The function.</param>
    /// <param name="replicas">How many it has.</param>
    /// <param name="ready">How many of them are ready; null if nobody said.</param>
    /// <param name="scale">What its labels say of its scaling.</param>
    public static void ServiceSeen(string function, ulong replicas, ulong? ready, ScaleLabels scale)
    {
        Replicas.WithLabels(function).Set(replicas);
        if (ready is { } known)
        {
            ReadyReplicas.WithLabels(function).Set(known);
        }
        else
        {
            ReadyReplicas.RemoveLabelled(function);
        }

        MinReplicas.WithLabels(function).Set(scale.Min);
        TargetLoad.WithLabels(function, scale.Type).Set(scale.Target);
    }

    public static void ServiceGone(string function, ScaleLabels scale)
    {
        Replicas.RemoveLabelled(function);
        ReadyReplicas.RemoveLabelled(function);
        MinReplicas.RemoveLabelled(function);
        TargetLoad.RemoveLabelled(function, scale.Type);
        foreach (var direction in new[] { "out", "in", "zero" })
        {
            Scalings.RemoveLabelled(function, direction);
        }
    }

    /// <param name="method">The verb.</param>
    /// <param name="path">The part of the path that is no caller's choice.</param>
    /// <param name="status">The answer's.</param>
    /// <param name="took">Null for what was followed.</param>
    public static void HttpAnswered(string method, string path, int status, TimeSpan? took)
    {
        var series = Answers.GetOrAdd((method, path, status), static key =>
        {
            string[] labels = [key.Method, key.Path, key.Status.ToString()];
            return (HttpRequests.WithLabels(labels), HttpSeconds.WithLabels(labels));
        });
        series.Count.Inc();
        if (took is { } time)
        {
            series.Seconds.Observe(time.TotalSeconds);
        }
    }

    public static void ProviderAnswered(string method, string path, int status, TimeSpan? took)
    {
        ProviderRequests.WithLabels(status.ToString(), method, path).Inc();
        if (took is { } time)
        {
            ProviderSeconds.WithLabels(status.ToString(), method, path).Observe(time.TotalSeconds);
        }
    }

    public static void Accepted(string queue, int status)
    {
        if (!AcceptsOf.TryGetValue((queue, status), out var accepts))
        {
            lock (QueueSamples)
            {
                accepts = AcceptsOf.GetOrAdd((queue, status), static key => Accepts.WithLabels(key.Queue, key.Status.ToString()));
            }
        }

        accepts.Inc();
    }

    public static void Published(string queue, TimeSpan took)
    {
        if (!Publishes.TryGetValue(queue, out var publishes))
        {
            lock (QueueSamples)
            {
                publishes = Publishes.GetOrAdd(queue, static name => PublishSeconds.WithLabels(name));
            }
        }

        publishes.Observe(took.TotalSeconds);
    }

    public static void Stalled(string queue, TimeSpan time) => UntakenSeconds.WithLabels(queue).Set(time.TotalSeconds);

    public static void Waiting(string queue, long calls) => WaitingCalls.WithLabels(queue).Set(calls);

    public static void WaitingGone(string queue) => WaitingCalls.RemoveLabelled(queue);

    public static void WaitingOf(FunctionName function, long calls) => WaitingCallsOf.WithLabels(function.ToString()).Set(calls);

    public static void Scaled(FunctionName function, string direction) => Scalings.WithLabels(function.ToString(), direction).Inc();

    public static void ScalingEnded(FunctionName function) => WaitingCallsOf.RemoveLabelled(function.ToString());

    public static void DeadLetterHandled(string queue, string action, long count = 1) => DeadLetters.WithLabels(queue, action).Inc(count);

    public static void HistoryIndexed(string queue, long calls) => IndexedCalls.WithLabels(queue).Set(calls);

    public static void HistoryGone(string queue) => IndexedCalls.RemoveLabelled(queue);

    public static void Paused(string queue, string function, TimeSpan time) => PausedSeconds.WithLabels(queue, function).Set(Math.Max(0, time.TotalSeconds));

    public static void Resumed(string queue, string function) => PausedSeconds.RemoveLabelled(queue, function);

    /// <summary>Forgets a queue whose streams were deleted: otherwise whoever names ever new queues has all of them in every scrape.</summary>
    public static void QueueGone(string queue)
    {
        UntakenSeconds.RemoveLabelled(queue);
        WaitingGone(queue);
        foreach (var action in new[] { "redriven", "edited", "deleted" })
        {
            DeadLetters.RemoveLabelled(queue, action);
        }

        lock (QueueSamples)
        {
            PublishSeconds.RemoveLabelled(queue);
            Publishes.TryRemove(queue, out _);
            foreach (var accepts in AcceptsOf.Keys.Where(key => key.Queue == queue))
            {
                Accepts.RemoveLabelled(queue, accepts.Status.ToString());
                AcceptsOf.TryRemove(accepts, out _);
            }
        }
    }

    /// <summary>Shows what can be counted before anything is: by its absence Prometheus tells that there is no gateway.</summary>
    public static void Begin() => NatsReconnects.Inc(0);

    public static void NatsReconnected() => NatsReconnects.Inc();

    public static void LoggedIn(bool isRight) => Logins.WithLabels(isRight ? "ok" : "refused").Inc();

    public static IDisposable Listening() => Listeners.TrackInProgress();

    /// <summary>A function's calls since the gateway started; null before the first.</summary>
    public static FunctionFigures? FiguresOf(string function) => Calls.TryGetValue(function, out var series) ? series.Figures : null;

    private static FunctionSeries SeriesOf(string function) => Calls.GetOrAdd(function, static name => new FunctionSeries(name));

    // One that is being forgotten is gone in a moment, and begins anew.
    private static FunctionSeries Hold(string function)
    {
        var wait = default(SpinWait);
        while (true)
        {
            var series = SeriesOf(function);
            if (series.TryHold())
            {
                return series;
            }

            wait.SpinOnce();
        }
    }

    /// <summary>A function's own of the metrics of calls.</summary>
    private sealed class FunctionSeries(string function)
    {
        private readonly ConcurrentDictionary<int, (Counter.Child Count, Histogram.Child Seconds)> _byCode = new();
        private readonly long[] _byBucket = new long[Buckets.Length + 1];
        private long _count;
        private long _failed;

        // By calls that run or are being counted; far below zero once it has ended.
        private int _held;

        /// <summary>How often in a row its function was not listed.</summary>
        public int Unlisted { get; set; }

        public Counter.Child Started { get; } = Metrics.Started.WithLabels(function);

        public Gauge.Child Inflight { get; } = Metrics.Inflight.WithLabels(function);

        public long Count => Interlocked.Read(ref _count);

        public FunctionFigures Figures => new(Count, Interlocked.Read(ref _failed), Quantile(.5), Quantile(.99));

        /// <summary>False once it has ended.</summary>
        public bool TryHold()
        {
            if (Interlocked.Increment(ref _held) > 0)
            {
                return true;
            }

            Interlocked.Decrement(ref _held);
            return false;
        }

        public void Release() => Interlocked.Decrement(ref _held);

        /// <summary>Ends it, unless it is held.</summary>
        public bool TryEnd() => Interlocked.CompareExchange(ref _held, int.MinValue, 0) == 0;

        /// <summary>Takes its samples away.</summary>
        public void Remove()
        {
            Metrics.Started.RemoveLabelled(function);
            Metrics.Inflight.RemoveLabelled(function);
            foreach (var code in _byCode.Keys)
            {
                Invocations.RemoveLabelled(function, code.ToString());
                Seconds.RemoveLabelled(function, code.ToString());
            }
        }

        public void Ended(int status, TimeSpan took)
        {
            Interlocked.Increment(ref _count);
            if (status >= 500)
            {
                Interlocked.Increment(ref _failed);
            }

            var bucket = Array.BinarySearch(Buckets, took.TotalSeconds);
            Interlocked.Increment(ref _byBucket[bucket < 0 ? ~bucket : bucket]);
            var (count, seconds) = _byCode.GetOrAdd(
                status,
                static (code, name) => (Invocations.WithLabels(name, code.ToString()), Seconds.WithLabels(name, code.ToString())),
                function);
            count.Inc();
            seconds.Observe(took.TotalSeconds);
        }

        // As Prometheus reckons: evenly within a bucket, and the last bound for all that is beyond it.
        private double? Quantile(double share)
        {
            var all = _byBucket.Sum();
            var (rank, below) = (share * all, 0L);
            for (var i = 0; i < Buckets.Length; i++)
            {
                if (_byBucket[i] > 0 && below + _byBucket[i] >= rank)
                {
                    var from = i == 0 ? 0 : Buckets[i - 1];
                    return from + ((Buckets[i] - from) * (rank - below) / _byBucket[i]);
                }

                below += _byBucket[i];
            }

            return all == 0 ? null : Buckets[^1];
        }
    }
}

/// <summary>A function's calls since the gateway started.</summary>
/// <param name="Calls">Answered calls.</param>
/// <param name="Failed">Of those, the ones answered with 500 or more.</param>
/// <param name="P50">Seconds within which half of them were answered.</param>
/// <param name="P99">Seconds within which 99 of 100 were; 10 also stands for longer.</param>
internal sealed record FunctionFigures(long Calls, long Failed, double? P50, double? P99);
