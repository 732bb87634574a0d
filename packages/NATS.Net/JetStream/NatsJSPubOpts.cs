using NATS.Client.Core;

namespace NATS.Client.JetStream;

public record NatsJSPubOpts : NatsPubOpts
{
    public static readonly NatsJSPubOpts Default = new();

    /// <summary>A second message with this id is not stored while the stream's duplicate window lasts.</summary>
    public string? MsgId { get; init; }

    public string? ExpectedLastMsgId { get; init; }

    public string? ExpectedStream { get; init; }

    public ulong? ExpectedLastSequence { get; init; }

    public ulong? ExpectedLastSubjectSequence { get; init; }

    public TimeSpan RetryWaitBetweenAttempts { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Attempts in all while nobody answers for the subject.</summary>
    public int RetryAttempts { get; init; } = 1;
}
