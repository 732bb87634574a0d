using Connectors.RabbitMq.Broker;
using Connectors.Sdk.Events;
using Connectors.Sdk.Invocation;

namespace Connectors.RabbitMq.Settling;

/// <summary>A delivered message on its way through the pump.</summary>
/// <param name="content">The message as an event.</param>
/// <param name="message">As it was delivered.</param>
/// <param name="channel">What it came by, and is settled by.</param>
/// <param name="waiting">Where it waits while it backs off.</param>
/// <param name="outage">Whether the gateway is away, as its queue's messages meet it.</param>
/// <param name="received">Timestamp of its delivery.</param>
/// <param name="settler">What settles it.</param>
internal sealed class RabbitMqMessage(Event content, QueueMessage message, QueueChannel channel, Waiting waiting, Outage outage, long received, Settler settler)
    : Received(content)
{
    public QueueMessage Message => message;

    public QueueChannel Channel => channel;

    public Waiting Waiting => waiting;

    public Outage Outage => outage;

    public long ReceivedAt => received;

    /// <summary>Timestamp of its first run's beginning; null before it.</summary>
    public long? BegunAt { get; set; }

    /// <summary>Timestamp of its last run's beginning.</summary>
    public long RunAt { get; set; }

    /// <summary>How many of its runs are not counted, for no function ran it.</summary>
    public int RunsInVain { get; set; }

    /// <summary>How it went when a function last ran it and did not take it, and in which attempt; null if none has, or the gateway was out of reach since.</summary>
    public (Outcome Outcome, int Attempt)? Refusal { get; set; }

    /// <summary>The queue that it came from.</summary>
    public string Queue => Event.Topic;

    public override async ValueTask CompleteAsync(CancellationToken ct) => await settler.CompleteAsync(this, ct);

    public override async ValueTask<TimeSpan?> FailAsync(Outcome outcome, int attempt, CancellationToken ct)
    {
        await settler.FailAsync(this, outcome, attempt, ct);
        return null;
    }

    public override async ValueTask UnwantedAsync(CancellationToken ct) => await settler.LeaveAsync(this, ct);

    public override async ValueTask AbandonAsync(CancellationToken ct) => await settler.GiveBackAsync(this, ct);
}
