namespace NATS.Client.JetStream;

/// <summary>An endless pull: one request is renewed before its messages run out.</summary>
public record NatsJSConsumeOpts
{
    /// <summary>Most messages asked for and not yet handed to the caller. Either this or <see cref="MaxBytes"/>.</summary>
    public int? MaxMsgs { get; init; }

    /// <summary>How long one pull request stays at the server; at least a second, 30 s when not set.</summary>
    public TimeSpan? Expires { get; init; }

    public int? MaxBytes { get; init; }

    /// <summary>The server shows that it lives at least this often; half of <see cref="Expires"/> when not set, from 0.5 s to 30 s.</summary>
    public TimeSpan? IdleHeartbeat { get; init; }

    /// <summary>With so many messages left to come, more are asked for; half of <see cref="MaxMsgs"/> when not set.</summary>
    public int? ThresholdMsgs { get; init; }

    public int? ThresholdBytes { get; init; }

    /// <summary>Told what happens to the pull. A handler that throws ends the pull with its exception.</summary>
    public Func<INatsJSNotification, CancellationToken, Task>? NotificationHandler { get; init; }

    /// <summary>So many "no responders" in a row and the consumer counts as deleted; -1: never.</summary>
    public int MaxConsecutive503Errors { get; init; } = 10;
}

/// <summary>One pull request for a number of messages.</summary>
public record NatsJSFetchOpts
{
    public int? MaxMsgs { get; init; }

    public TimeSpan? Expires { get; init; }

    public int? MaxBytes { get; init; }

    public TimeSpan? IdleHeartbeat { get; init; }

    public Func<INatsJSNotification, CancellationToken, Task>? NotificationHandler { get; init; }

    internal bool NoWait { get; init; }
}

/// <summary>One pull request for one message.</summary>
public record NatsJSNextOpts
{
    public TimeSpan? Expires { get; init; }

    public TimeSpan? IdleHeartbeat { get; init; }

    public Func<INatsJSNotification, CancellationToken, Task>? NotificationHandler { get; init; }
}
