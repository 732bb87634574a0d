using Connectors.Sqs.Queues;
using Prometheus;

namespace Connectors.Sqs;

/// <summary>Every metric of the SQS connector; those of events and calls are connector-sdk's.</summary>
internal static class Metrics
{
    private static readonly string[] ByQueue = ["queue"];

    private static readonly Counter ReceivedTotal = Prometheus.Metrics.CreateCounter("sqs_connector_received_total", "Messages received.", ByQueue);

    private static readonly Counter EmptyReceivesTotal =
        Prometheus.Metrics.CreateCounter("sqs_connector_empty_receives_total", "Receives that brought nothing.", ByQueue);

    private static readonly Counter DeletedTotal = Prometheus.Metrics.CreateCounter("sqs_connector_deleted_total", "Messages deleted.", ByQueue);

    private static readonly Histogram DeleteBatch = Prometheus.Metrics.CreateHistogram(
        "sqs_connector_delete_batch_messages",
        "Messages in one delete request, of ten at most.",
        ByQueue,
        new HistogramConfiguration { Buckets = [1, 2, 4, 6, 8, 9, 10] });

    private static readonly Counter ReturnedTotal =
        Prometheus.Metrics.CreateCounter("sqs_connector_returned_total", "Messages given back, at once or after a back-off.", ByQueue);

    private static readonly Counter RenewalsTotal = Prometheus.Metrics.CreateCounter("sqs_connector_renewals_total", "Renewals of a message's visibility.", ByQueue);

    private static readonly Counter ExpiredTotal = Prometheus.Metrics.CreateCounter(
        "sqs_connector_expired_receipts_total", "Messages whose visibility was lost before they were deleted; they are received again.", ByQueue);

    private static readonly Gauge InFlight =
        Prometheus.Metrics.CreateGauge("sqs_connector_in_flight_messages", "Messages received and neither deleted nor given back yet.", ByQueue);

    private static readonly Gauge OldestSeconds = Prometheus.Metrics.CreateGauge(
        "sqs_connector_oldest_message_age_seconds",
        "Age of the oldest message in flight here, or of the oldest received within the last minute, when it came; since it was sent. 0 without one.",
        ByQueue);

    private static readonly Gauge QueueMessages = Prometheus.Metrics.CreateGauge(
        "sqs_connector_queue_messages",
        "Messages in the queue, as SQS last said: waiting, in_flight (with whomever), delayed. Missing where SQS does not say.",
        ["queue", "state"]);

    private static readonly Gauge ReadableState = Prometheus.Metrics.CreateGauge(
        "sqs_connector_queue_readable",
        "1 while receives succeed or no function wants the queue, 0 while they fail, wait for what is done to be deleted, or the queue was not read yet; missing while the connector stops.",
        ByQueue);

    private static readonly Counter FailuresTotal = Prometheus.Metrics.CreateCounter(
        "sqs_connector_failures_total", "Requests or entries that failed, by what they were for and why.", ["queue", "operation", "kind"]);

    /// <summary>Shows what can be counted of a queue before anything is: an increase is seen only from one sample to the next.</summary>
    public static void Begin(string queue) => ExpiredTotal.WithLabels(queue).Publish();

    public static void Received(string queue, int count)
    {
        ReceivedTotal.WithLabels(queue).Inc(count);
        EmptyReceivesTotal.WithLabels(queue).Inc(count == 0 ? 1 : 0);
    }

    public static void Deleted(string queue, int sent, int deleted)
    {
        DeleteBatch.WithLabels(queue).Observe(sent);
        DeletedTotal.WithLabels(queue).Inc(deleted);
    }

    public static void Returned(string queue, int count) => ReturnedTotal.WithLabels(queue).Inc(count);

    public static void Renewed(string queue, int count) => RenewalsTotal.WithLabels(queue).Inc(count);

    public static void Expired(string queue) => ExpiredTotal.WithLabels(queue).Inc();

    public static void Holding(string queue, int change) => InFlight.WithLabels(queue).Inc(change);

    public static void Oldest(string queue, TimeSpan age) => OldestSeconds.WithLabels(queue).Set(age.TotalSeconds);

    /// <summary>Null where it is not known: a figure that stands still would be taken for a queue that does.</summary>
    public static void Depth(string queue, QueueDepth? depth)
    {
        foreach (var (state, count) in new (string, long?)[] { ("waiting", depth?.Waiting), ("in_flight", depth?.InFlight), ("delayed", depth?.Delayed) })
        {
            if (count is { } known)
            {
                QueueMessages.WithLabels(queue, state).Set(known);
            }
            else
            {
                QueueMessages.RemoveLabelled(queue, state);
            }
        }
    }

    public static void Readable(string queue, bool isReadable) => ReadableState.WithLabels(queue).Set(isReadable ? 1 : 0);

    /// <summary>Nobody reads it any more, while what runs comes to its end.</summary>
    public static void Stopped(string queue) => ReadableState.RemoveLabelled(queue);

    public static void Failed(string queue, string operation, string kind) => FailuresTotal.WithLabels(queue, operation, kind).Inc();
}
