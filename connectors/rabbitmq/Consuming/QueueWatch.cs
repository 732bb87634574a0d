using Connectors.RabbitMq.Broker;
using Connectors.RabbitMq.Settling;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Topics;
using Microsoft.Extensions.Logging;

namespace Connectors.RabbitMq.Consuming;

/// <summary>Whether a queue is wanted and is consumed, for those who consume it and for the operator.</summary>
internal sealed class QueueWatch
{
    private readonly string _queue;
    private readonly LatestTopicMap _topics;
    private readonly Readiness _readiness;
    private readonly ILogger _log;

    public QueueWatch(string queue, LatestTopicMap topics, Readiness readiness, TimeProvider time, ILogger log)
    {
        (_queue, _topics, _readiness, _log) = (queue, topics, readiness, log);
        Outage = new Outage(topics, time);
        readiness.Announce(Condition);
        Metrics.Begin(queue);
        Metrics.Consumed(queue, false);
    }

    /// <summary>Whether the gateway is away, as the queue's messages meet it.</summary>
    public Outage Outage { get; }

    private string Condition => "queue " + _queue;

    /// <summary>Waits until some function wants the queue: what nobody wants stays where it is.</summary>
    public async Task WantedAsync(CancellationToken ct)
    {
        if (_topics.Value.Match(_queue).Count == 0)
        {
            // Here, for it may have become unwanted while it was not consumed, too.
            _readiness.Met(Condition);
            Metrics.Consumed(_queue, true);
            Metrics.Unseen(_queue);
            Log.Unwanted(_log, _queue);
        }

        await _topics.UntilAsync(_queue, isWanted: true, ct);
    }

    /// <summary>Waits until no function wants it.</summary>
    public Task UnwantedAsync(CancellationToken ct) => _topics.UntilAsync(_queue, isWanted: false, ct);

    /// <summary>Its messages come.</summary>
    public void Consuming()
    {
        _readiness.Met(Condition);
        Metrics.Consumed(_queue, true);
        Log.Consuming(_log, _queue);
    }

    /// <summary>They do not, and it is tried again after so long.</summary>
    public void Failed(BrokerFault fault, TimeSpan delay)
    {
        _readiness.Lost(Condition, fault.Text);
        Metrics.Consumed(_queue, false);
        Metrics.Failed(_queue, fault.Kind);
        Log.ConsumingFailed(_log, _queue, fault.Kind, fault.Text, delay);
    }

    /// <summary>They will not come any more, which is no fault of the queue's.</summary>
    public void Stopped()
    {
        _readiness.Lost(Condition, "the connector stops");
        Metrics.Stopped(_queue);
    }
}
