namespace NATS.Client.Core;

public record NatsSubOpts
{
    /// <summary>The subscription ends after so many messages.</summary>
    public int? MaxMsgs { get; init; }

    /// <summary>The subscription ends this long after it began.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>The subscription ends when the first message takes longer than this.</summary>
    public TimeSpan? StartUpTimeout { get; init; }

    /// <summary>The subscription ends when there is this long a pause between messages.</summary>
    public TimeSpan? IdleTimeout { get; init; }

    /// <summary>An empty message ends the subscription and is not handed on.</summary>
    public bool? StopOnEmptyMsg { get; init; }

    /// <summary>The server's "no responders" ends the subscription with <see cref="NatsNoRespondersException"/>.</summary>
    public bool? ThrowIfNoResponders { get; init; }

    public NatsSubChannelOpts? ChannelOpts { get; init; }
}
