namespace NATS.Client.JetStream;

/// <summary>The options of a pull, completed and checked.</summary>
internal sealed record PullLimits(long MaxMsgs, long MaxBytes, long ThresholdMsgs, long ThresholdBytes, TimeSpan Expires, TimeSpan IdleHeartbeat)
{
    /// <summary>Bound of the batch when bytes are counted.</summary>
    private const long ManyMsgs = 1_000_000;

    private static readonly TimeSpan DefaultExpires = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LeastExpires = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MostHeartbeat = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LeastHeartbeat = TimeSpan.FromSeconds(0.5);

    /// <summary>So long without a sign of the server and it counts as silent.</summary>
    public TimeSpan Silence => IdleHeartbeat * 2;

    public static PullLimits Of(NatsJSConsumeOpts opts) =>
        Of(opts.MaxMsgs, opts.MaxBytes, opts.ThresholdMsgs, opts.ThresholdBytes, opts.Expires, opts.IdleHeartbeat);

    public static PullLimits Of(NatsJSFetchOpts opts) =>
        Of(opts.MaxMsgs, opts.MaxBytes, thresholdMsgs: null, thresholdBytes: null, opts.Expires, opts.IdleHeartbeat);

    private static PullLimits Of(long? maxMsgs, long? maxBytes, long? thresholdMsgs, long? thresholdBytes, TimeSpan? expires, TimeSpan? idleHeartbeat)
    {
        if (maxMsgs is null == maxBytes is null)
            throw new NatsJSException("You must set either MaxMsgs or MaxBytes");
        var msgs = maxMsgs ?? ManyMsgs;
        var bytes = maxBytes ?? 0;
        if (thresholdMsgs > msgs)
            throw new NatsJSException("ThresholdMsgs must be less than MaxMsgs");
        if (thresholdBytes > bytes)
            throw new NatsJSException("ThresholdBytes must be less than MaxBytes");

        var life = expires ?? DefaultExpires;
        if (life < LeastExpires)
            throw new NatsJSException($"Expires must be greater than {LeastExpires}");
        var heartbeat = idleHeartbeat ?? life / 2;
        if (idleHeartbeat is null && heartbeat > MostHeartbeat)
            heartbeat = MostHeartbeat;
        if (heartbeat > MostHeartbeat)
            throw new NatsJSException($"IdleHeartbeat must be less than {MostHeartbeat}");
        if (heartbeat < LeastHeartbeat)
            throw new NatsJSException($"IdleHeartbeat must be greater than {LeastHeartbeat}");

        return new PullLimits(msgs, bytes, thresholdMsgs ?? msgs / 2, thresholdBytes ?? bytes / 2, life, heartbeat);
    }
}
