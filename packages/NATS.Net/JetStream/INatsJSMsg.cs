using NATS.Client.Core;

namespace NATS.Client.JetStream;

/// <summary>A message that a consumer delivered and that waits to be settled.</summary>
public interface INatsJSMsg<out T>
{
    string Subject { get; }

    int Size { get; }

    NatsHeaders? Headers { get; }

    T? Data { get; }

    INatsConnection? Connection { get; }

    /// <summary>Null when the reply subject is not one of a consumer.</summary>
    NatsJSMsgMetadata? Metadata { get; }

    string? ReplyTo { get; }

    NatsException? Error { get; }

    void EnsureSuccess();

    ValueTask ReplyAsync(NatsHeaders? headers = default, string? replyTo = default, NatsPubOpts? opts = default, CancellationToken cancellationToken = default);

    /// <summary>Done: never deliver again.</summary>
    ValueTask AckAsync(AckOpts? opts = default, CancellationToken cancellationToken = default);

    /// <summary>Given back: deliver again, after <paramref name="delay"/> if it is set.</summary>
    ValueTask NakAsync(AckOpts? opts = default, TimeSpan delay = default, CancellationToken cancellationToken = default);

    /// <summary>Still at work: the ack wait begins anew.</summary>
    ValueTask AckProgressAsync(AckOpts? opts = default, CancellationToken cancellationToken = default);

    /// <summary>Never deliver again, although it was not done.</summary>
    ValueTask AckTerminateAsync(AckOpts? opts = default, CancellationToken cancellationToken = default);
}
