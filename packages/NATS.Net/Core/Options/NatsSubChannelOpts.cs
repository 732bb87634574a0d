using System.Threading.Channels;

namespace NATS.Client.Core;

public record NatsSubChannelOpts
{
    public BoundedChannelFullMode? FullMode { get; init; }

    public int? Capacity { get; init; }
}
