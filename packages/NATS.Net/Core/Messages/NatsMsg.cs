using System.Diagnostics.CodeAnalysis;

namespace NATS.Client.Core;

/// <summary>A received message. An empty payload arrives as the default of <typeparamref name="T"/>.</summary>
/// <param name="Size">Subject, reply, headers and payload in bytes, as the server counts them.</param>
public readonly record struct NatsMsg<T>(
    string Subject,
    string? ReplyTo,
    int Size,
    NatsHeaders? Headers,
    T? Data,
    INatsConnection? Connection)
{
    /// <summary>Why the payload or the headers could not be read; null when all is well.</summary>
    public NatsException? Error => Headers?.Error;

    public void EnsureSuccess()
    {
        if (Error is { } error)
            throw error;
    }

    public ValueTask ReplyAsync(NatsHeaders? headers = default, string? replyTo = default, NatsPubOpts? opts = default, CancellationToken cancellationToken = default)
    {
        CheckReply();
        return Connection.PublishAsync(ReplyTo, headers, replyTo, opts, cancellationToken);
    }

    public ValueTask ReplyAsync<TReply>(TReply data, NatsHeaders? headers = default, string? replyTo = default, INatsSerialize<TReply>? serializer = default, NatsPubOpts? opts = default, CancellationToken cancellationToken = default)
    {
        CheckReply();
        return Connection.PublishAsync(ReplyTo, data, headers, replyTo, serializer, opts, cancellationToken);
    }

    public ValueTask ReplyAsync<TReply>(NatsMsg<TReply> msg, INatsSerialize<TReply>? serializer = default, NatsPubOpts? opts = default, CancellationToken cancellationToken = default)
    {
        CheckReply();
        return Connection.PublishAsync(msg with { Subject = ReplyTo }, serializer, opts, cancellationToken);
    }

    [MemberNotNull(nameof(Connection), nameof(ReplyTo))]
    private void CheckReply()
    {
        if (Connection is null)
            throw new NatsException("unable to send reply; message did not originate from a subscription");
        if (string.IsNullOrWhiteSpace(ReplyTo))
            throw new NatsException("unable to send reply; ReplyTo is empty");
    }
}
