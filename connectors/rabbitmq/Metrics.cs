using Prometheus;

namespace Connectors.RabbitMq;

/// <summary>Every metric of the RabbitMQ connector; those of events and calls are connector-sdk's. The first two are OpenFaaS's.</summary>
internal static class Metrics
{
    private static readonly string[] ByQueue = ["queue"];

    private static readonly Counter ProcessedTotal = Prometheus.Metrics.CreateCounter(
        "rabbitmq_connector_messages_processed_total", "Messages that every function of their queue took.", ByQueue);

    private static readonly Gauge QueueDepth = Prometheus.Metrics.CreateGauge(
        "rabbitmq_connector_queue_depth", "Messages that wait in the queue, as the broker last said; missing while no function wants it.", ByQueue);

    private static readonly Gauge QueueConsumers = Prometheus.Metrics.CreateGauge(
        "rabbitmq_connector_queue_consumers", "Consumers of the queue, ours among them, as the broker last said; missing while no function wants it.", ByQueue);

    private static readonly Counter ReceivedTotal = Prometheus.Metrics.CreateCounter(
        "rabbitmq_connector_received_total", "Messages delivered to us, by whether they were delivered before.", ["queue", "redelivered"]);

    private static readonly Counter SettledTotal = Prometheus.Metrics.CreateCounter(
        "rabbitmq_connector_settled_total",
        "Messages by end: completed, dead_letter, rejected, dropped, given_back (requeued, stopped, unwanted, held for too long), too_late (the channel had ended; they come again).",
        ["queue", "end"]);

    private static readonly Counter RetryTotal = Prometheus.Metrics.CreateCounter("rabbitmq_connector_retries_total", "Runs that will be repeated here.", ByQueue);

    private static readonly Counter DeadLetterFailureTotal = Prometheus.Metrics.CreateCounter(
        "rabbitmq_connector_dead_letter_failures_total", "Dead letters that the broker did not take.", ByQueue);

    private static readonly Counter ReducedDeadLetterTotal = Prometheus.Metrics.CreateCounter(
        "rabbitmq_connector_dead_letters_reduced_total", "Dead letters written without headers or properties, because those were too large for AMQP.", ByQueue);

    private static readonly Gauge InFlight = Prometheus.Metrics.CreateGauge(
        "rabbitmq_connector_in_flight_messages", "Messages delivered and not settled: running, waiting, backing off.", ByQueue);

    private static readonly Gauge OldestSeconds = Prometheus.Metrics.CreateGauge(
        "rabbitmq_connector_oldest_message_age_seconds", "Time since the oldest of the messages in flight was delivered; 0 without one.", ByQueue);

    private static readonly Gauge ConsumedState = Prometheus.Metrics.CreateGauge(
        "rabbitmq_connector_queue_consumed", "1 while the queue is consumed or no function wants it, 0 while it cannot be; missing while the connector stops.", ByQueue);

    private static readonly Gauge ConnectedState = Prometheus.Metrics.CreateGauge(
        "rabbitmq_connector_connected", "Connections that consume: one for each queue that a function wants; 0 while there is none.");

    private static readonly Counter FailuresTotal = Prometheus.Metrics.CreateCounter(
        "rabbitmq_connector_failures_total", "Connections and channels that failed or ended, by why.", ["queue", "kind"]);

    /// <summary>Shows what can be counted of a queue before anything is: an increase is seen only from one sample to the next.</summary>
    public static void Begin(string queue) => SettledTotal.WithLabels(queue, "dead_letter").Publish();

    public static void Received(string queue, bool isRedelivered) => ReceivedTotal.WithLabels(queue, isRedelivered ? "true" : "false").Inc();

    public static void Settled(string queue, string end)
    {
        SettledTotal.WithLabels(queue, end).Inc();
        ProcessedTotal.WithLabels(queue).Inc(end == "completed" ? 1 : 0);
    }

    public static void Retried(string queue) => RetryTotal.WithLabels(queue).Inc();

    public static void DeadLetterFailed(string queue) => DeadLetterFailureTotal.WithLabels(queue).Inc();

    public static void DeadLetterReduced(string queue) => ReducedDeadLetterTotal.WithLabels(queue).Inc();

    public static void Seen(string queue, (long Messages, long Consumers) seen)
    {
        QueueDepth.WithLabels(queue).Set(seen.Messages);
        QueueConsumers.WithLabels(queue).Set(seen.Consumers);
    }

    /// <summary>Nobody looks any more: a figure that stands still would be taken for a queue that does.</summary>
    public static void Unseen(string queue)
    {
        QueueDepth.RemoveLabelled(queue);
        QueueConsumers.RemoveLabelled(queue);
    }

    public static void Holds(string queue, int messages, TimeSpan oldest)
    {
        InFlight.WithLabels(queue).Set(messages);
        OldestSeconds.WithLabels(queue).Set(oldest.TotalSeconds);
    }

    /// <summary>Nor does anybody here consume it, while what runs comes to its end.</summary>
    public static void Stopped(string queue)
    {
        Unseen(queue);
        ConsumedState.RemoveLabelled(queue);
    }

    public static void Consumed(string queue, bool isConsumed) => ConsumedState.WithLabels(queue).Set(isConsumed ? 1 : 0);

    public static void Connected(int change) => ConnectedState.Inc(change);

    public static void Failed(string queue, string kind) => FailuresTotal.WithLabels(queue, kind).Inc();
}
