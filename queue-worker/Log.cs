namespace Connectors.QueueWorker;

/// <summary>Every line that the queue-worker logs; ids 300 to 399.</summary>
internal static partial class Log
{
    [LoggerMessage(300, LogLevel.Information, "Serving queue")]
    public static partial void Serving(ILogger log, string queue, string mode, int maxInflight, string server);

    [LoggerMessage(301, LogLevel.Debug, "Invoke")]
    public static partial void Invoke(ILogger log, string callId, string function, int attempt);

    [LoggerMessage(302, LogLevel.Information, "Invoked")]
    public static partial void Invoked(ILogger log, string callId, string function, int attempt, int status, TimeSpan duration, string? error);

    [LoggerMessage(303, LogLevel.Information, "Answered")]
    public static partial void Answered(ILogger log, string callId, string function, long bytes, string body);

    [LoggerMessage(304, LogLevel.Information, "Callback")]
    public static partial void Callback(ILogger log, string callId, string function, int attempt, int status, string? error);

    [LoggerMessage(305, LogLevel.Warning, "Dead letter")]
    public static partial void Dead(ILogger log, string callId, string function, string reason, int attempts, int? status, string? error);

    [LoggerMessage(306, LogLevel.Warning, "ack_wait is long: it says how soon a dead worker is noticed, and its calls stand still that long; how long a call may take is upstream_timeout")]
    public static partial void LongLease(ILogger log, TimeSpan ackWait, TimeSpan upstreamTimeout);

    [LoggerMessage(307, LogLevel.Information, "Mode was switched; what was in flight then may still end before calls are taken in this one")]
    public static partial void ModeWaits(ILogger log, string queue, string mine, TimeSpan left);

    [LoggerMessage(310, LogLevel.Warning, "The gateway is none of ours: its own time limit holds beside upstream_timeout, and calls that it cuts are sent again; told once")]
    public static partial void GatewayOfOthers(ILogger log, string gateway, TimeSpan upstreamTimeout);

    [LoggerMessage(311, LogLevel.Warning, "The gateway grants less than upstream_timeout, and calls that it cuts are sent again; raise its max_upstream_timeout, or lower upstream_timeout; told once")]
    public static partial void GatewayGrantsLess(ILogger log, string gateway, TimeSpan upstreamTimeout, TimeSpan granted);

    [LoggerMessage(312, LogLevel.Warning, "Taking work failed; it is tried again")]
    public static partial void TakingFailed(ILogger log, string consumer, string error);

    [LoggerMessage(313, LogLevel.Warning, "Broker does not answer")]
    public static partial void BrokerSilent(ILogger log, string server, string error);

    [LoggerMessage(314, LogLevel.Warning, "It is not known whether the server read the last acks; messages that it did not come again")]
    public static partial void AcksNotFlushed(ILogger log, string error);

    [LoggerMessage(316, LogLevel.Warning, "Mode is switched: the other mode's consumers are deleted")]
    public static partial void ModeSwitched(ILogger log, string queue, string from, string to);

    [LoggerMessage(317, LogLevel.Warning, "Queue went over to the other mode: no more calls are taken")]
    public static partial void ModeLost(ILogger log, string queue, string mine, string found);

    [LoggerMessage(318, LogLevel.Warning, "Queue came back to this mode: calls are taken again")]
    public static partial void ModeRegained(ILogger log, string queue, string mine);

    [LoggerMessage(319, LogLevel.Debug, "Function found")]
    public static partial void FunctionFound(ILogger log, string function, string priority);

    [LoggerMessage(320, LogLevel.Warning, "Lease could not be renewed")]
    public static partial void LeaseNotRenewed(ILogger log, string subject, ulong sequence, string error);

    [LoggerMessage(321, LogLevel.Warning, "Ack may be lost; if the message comes again to this worker, it is acked again and not run")]
    public static partial void AckFailed(ILogger log, string subject, ulong sequence, string error);

    [LoggerMessage(322, LogLevel.Warning, "Nak failed; the message is left to redelivery")]
    public static partial void NakFailed(ILogger log, string subject, ulong sequence, string error);

    [LoggerMessage(325, LogLevel.Error, "Delivery failed; the message is left to redelivery")]
    public static partial void DeliveryFailed(ILogger log, Exception fault, string subject, ulong sequence);

    [LoggerMessage(326, LogLevel.Information, "Message was delivered again while it runs here; it is not run twice")]
    public static partial void RunsAlready(ILogger log, string subject, ulong sequence);

    [LoggerMessage(327, LogLevel.Error, "Record is not stored for so long that its message is nakked; its slot is free for others")]
    public static partial void NotStored(ILogger log, string subject, ulong sequence, string error);

    [LoggerMessage(328, LogLevel.Information, "Message was delivered again after its ack; it is acked again and not run")]
    public static partial void AckedAlready(ILogger log, string subject, ulong sequence);

    [LoggerMessage(329, LogLevel.Warning, "A message stands on a subject that cannot be a filter (a wildcard in it, or too long); it is left there for an operator, or a worker in static mode")]
    public static partial void SubjectUnaskable(ILogger log, string subject);

    [LoggerMessage(330, LogLevel.Information, "Draining")]
    public static partial void Draining(ILogger log, int running);

    [LoggerMessage(331, LogLevel.Warning, "Grace period is over; what still runs is nakked")]
    public static partial void GivingUp(ILogger log, int running);

    [LoggerMessage(332, LogLevel.Warning, "The stream may have no more consumers, so functions wait until others have no work; raise its limit (nats stream edit --max-consumers), the server's default_max_consumers or the account's; told once")]
    public static partial void ConsumersFull(ILogger log, string stream, string consumer, string error);

    [LoggerMessage(340, LogLevel.Warning, "Cancellations cannot be seen")]
    public static partial void CancellationsUnseen(ILogger log, string bucket, string error);

    [LoggerMessage(341, LogLevel.Error, "A line of the secret is not whsec_ and base64, and is not used")]
    public static partial void SecretUnusable(ILogger log, string secret);

    [LoggerMessage(342, LogLevel.Warning, "Result is not stored")]
    public static partial void ResultNotStored(ILogger log, string callId, string function, string error);

    [LoggerMessage(343, LogLevel.Warning, "Pauses cannot be seen; those that were known hold")]
    public static partial void PausesUnseen(ILogger log, string bucket, string error);

    [LoggerMessage(344, LogLevel.Warning, "Paused")]
    public static partial void Paused(ILogger log, string queue, string function, string reason, string by, DateTimeOffset at);

    [LoggerMessage(345, LogLevel.Information, "Resumed")]
    public static partial void Resumed(ILogger log, string queue, string function);

    [LoggerMessage(346, LogLevel.Warning, "Function cannot be reached; its calls wait, and one is sent now and then to see whether it is back")]
    public static partial void BreakerOpened(ILogger log, string queue, string function, string error, DateTimeOffset probeAt);

    [LoggerMessage(347, LogLevel.Information, "A call is sent to see whether the function is back")]
    public static partial void BreakerProbes(ILogger log, string queue, string function, DateTimeOffset nextAt);

    [LoggerMessage(348, LogLevel.Information, "Breaker is closed; the function's calls are sent again")]
    public static partial void BreakerClosed(ILogger log, string queue, string function);

    [LoggerMessage(349, LogLevel.Information, "Waiting calls of a kind are cancelled; each ends when it is met")]
    public static partial void CallsCancelled(ILogger log, string queue, string? function, string? tag);

    [LoggerMessage(350, LogLevel.Warning, "History is not written; it is tried again while there is room for what waits")]
    public static partial void HistoryNotWritten(ILogger log, string stream, int calls, string error);

    [LoggerMessage(351, LogLevel.Warning, "What became of some calls is not in the history")]
    public static partial void HistoryDropped(ILogger log, string stream, int calls, string error);

    [LoggerMessage(352, LogLevel.Warning, "What lies aside is not counted")]
    public static partial void AsideNotCounted(ILogger log, string stream, string error);

    [LoggerMessage(353, LogLevel.Warning, "What pauses and breakers that have ended left there is not removed for now")]
    public static partial void PausesNotSwept(ILogger log, string bucket, string error);

    [LoggerMessage(361, LogLevel.Warning, "Receiver of callbacks is slow; it gets only its share of the slots until it answers promptly again")]
    public static partial void ReceiverSlow(ILogger log, string queue, string receiver);
}
