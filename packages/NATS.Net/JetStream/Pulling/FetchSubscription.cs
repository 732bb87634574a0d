using NATS.Client.Core;

namespace NATS.Client.JetStream;

/// <summary>One pull request: ends with its last message, its time, or the first reason not to deliver more.</summary>
internal sealed class FetchSubscription<T> : PullSubscription<T>
{
    /// <summary>The server's own word that the time is over gets this long to arrive.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    private readonly bool _noWait;
    private readonly Timer _expiry;
    private long _msgsLeft;
    private long _bytesLeft;

    public FetchSubscription(NatsJSContext context, string stream, string consumer, NatsJSFetchOpts opts, INatsDeserialize<T> deserializer, CancellationToken cancellationToken)
        : base(context, stream, consumer, PullLimits.Of(opts), deserializer, opts.NotificationHandler, cancellationToken)
    {
        _noWait = opts.NoWait;
        _msgsLeft = Limits.MaxMsgs;
        _bytesLeft = Limits.MaxBytes;
        _expiry = new Timer(static fetch => ((FetchSubscription<T>)fetch!).End(NatsSubEndReason.Timeout), this, Limits.Expires + Grace, Timeout.InfiniteTimeSpan);
    }

    public override async ValueTask DisposeAsync()
    {
        await _expiry.DisposeAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
    }

    internal override ValueTask OnSubscribedAsync(CommandWriter writer, CancellationToken cancellationToken)
    {
        WatchSilence();
        return RequestAsync(writer, Request(), cancellationToken);
    }

    protected override void WhenSilent()
    {
        Notifications.Tell(NatsJSTimeoutNotification.Default);
        End(NatsSubEndReason.IdleHeartbeatTimeout);
    }

    protected override void OnMessage(int size)
    {
        _msgsLeft--;
        _bytesLeft -= size;
    }

    protected override void AfterMessage()
    {
        if (Limits.MaxBytes > 0 ? _bytesLeft <= 0 : _msgsLeft <= 0)
            End(Limits.MaxBytes > 0 ? NatsSubEndReason.MaxBytes : NatsSubEndReason.MaxMsgs);
    }

    protected override bool OnStatus(NatsHeaders status)
    {
        switch (status)
        {
            case { Code: 404 }:
                End(NatsSubEndReason.NoMsgs);
                return true;
            case { Code: 408, Message: NatsHeaders.Messages.RequestsPending }:
                End(NatsSubEndReason.RequestsPending);
                return true;
            case { Code: 408 }:
                End(NatsSubEndReason.Timeout);
                return true;
            case { Code: 409, Message: NatsHeaders.Messages.MessageSizeExceedsMaxBytes }:
                Notifications.Tell(NatsJSMessageSizeExceedsMaxBytesNotification.Default);
                End(NatsSubEndReason.MaxBytes);
                return true;
            case { Code: 503 }:
                Notifications.Tell(NatsJSNoRespondersNotification.Default);
                End(NatsSubEndReason.None);
                return true;
            default:
                return false;
        }
    }

    private PullRequest Request() => new()
    {
        Batch = _msgsLeft,
        MaxBytes = Math.Max(_bytesLeft, 0),
        NoWait = _noWait,
        Expires = _noWait ? TimeSpan.Zero : Limits.Expires,
        IdleHeartbeat = _noWait ? TimeSpan.Zero : Limits.IdleHeartbeat,
    };
}
