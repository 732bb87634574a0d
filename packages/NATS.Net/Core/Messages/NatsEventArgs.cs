namespace NATS.Client.Core;

public delegate ValueTask AsyncEventHandler<in TEventArgs>(object? sender, TEventArgs args);

public class NatsEventArgs : EventArgs
{
    public NatsEventArgs(string message) => Message = message;

    public string Message { get; }
}

/// <summary>A message for which the subscriber had no room.</summary>
public class NatsMessageDroppedEventArgs : NatsEventArgs
{
    public NatsMessageDroppedEventArgs(NatsSubBase subscription, int pending, string subject, string? replyTo, NatsHeaders? headers, object? data)
        : base($"Dropped message from {subject} with {pending} pending messages")
    {
        Subscription = subscription;
        Pending = pending;
        Subject = subject;
        ReplyTo = replyTo;
        Headers = headers;
        Data = data;
    }

    public NatsSubBase Subscription { get; }

    public int Pending { get; }

    public string Subject { get; }

    public string? ReplyTo { get; }

    public NatsHeaders? Headers { get; }

    public object? Data { get; }
}
