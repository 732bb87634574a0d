namespace NATS.Client.Core;

/// <summary>A request whose reply has not come yet.</summary>
internal abstract class PendingReply(long id, string subject)
{
    /// <summary>Not before it is published does a request's time run: publishing may wait for a connection.</summary>
    private const long NotRunning = long.MaxValue;

    private long _deadline = NotRunning;

    public long Id { get; } = id;

    public string Subject { get; } = subject;

    public bool IsOverdue(long now) => Volatile.Read(ref _deadline) <= now;

    public void RunFor(TimeSpan time)
    {
        if (time != Timeout.InfiniteTimeSpan)
            Volatile.Write(ref _deadline, Environment.TickCount64 + (long)time.TotalMilliseconds);
    }

    public abstract void Receive(in WireMessage message);

    public abstract void Fail(Exception exception);

    public abstract void Cancel(CancellationToken cancellationToken);
}

internal sealed class PendingReply<T>(long id, string subject, NatsConnection connection, INatsDeserialize<T> deserializer, bool throwIfNoResponders)
    : PendingReply(id, subject)
{
    private readonly TaskCompletionSource<NatsMsg<T>> _reply = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<NatsMsg<T>> Reply => _reply.Task;

    public override void Receive(in WireMessage message)
    {
        if (throwIfNoResponders && message.IsNoResponders)
            _reply.TrySetException(new NatsNoRespondersException());
        else
            _reply.TrySetResult(message.Read(connection, deserializer));
    }

    public override void Fail(Exception exception) => _reply.TrySetException(exception);

    public override void Cancel(CancellationToken cancellationToken) => _reply.TrySetCanceled(cancellationToken);
}
