using NATS.Client.JetStream.Models;

namespace NATS.Client.JetStream;

internal sealed record SuccessResponse(bool Success);

internal sealed record ListRequest(int Offset, string? Subject);

internal sealed record StreamPage(int Total, StreamInfo[]? Streams);

internal sealed record ConsumerPage(int Total, ConsumerInfo[]? Consumers);

internal sealed record NamesPage(int Total, string[]? Streams, string[]? Consumers);

/// <summary>A stream's info with how many subjects there are in all.</summary>
internal sealed record StreamInfoPage : StreamInfo
{
    public int Total { get; init; }
}

internal sealed record ConsumerRequest(string StreamName, ConsumerConfig Config, string? Action);

/// <summary>Asks a consumer for messages.</summary>
internal sealed record PullRequest
{
    public long Batch { get; init; }

    public long MaxBytes { get; init; }

    public TimeSpan Expires { get; init; }

    public TimeSpan IdleHeartbeat { get; init; }

    public bool NoWait { get; init; }
}
