using System.Text;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace NATS.Client.Core;

public sealed record NatsOpts
{
    public static readonly NatsOpts Default = new();

    /// <summary>One server or several, separated by commas. User and password, or a token, may stand in the first one.</summary>
    public string Url { get; init; } = "nats://localhost:4222";

    public string Name { get; init; } = "NATS .NET Client";

    public bool Echo { get; init; } = true;

    public bool Verbose { get; init; }

    public bool Headers { get; init; } = true;

    public NatsAuthOpts AuthOpts { get; init; } = NatsAuthOpts.Default;

    public NatsTlsOpts TlsOpts { get; init; } = NatsTlsOpts.Default;

    public INatsSerializerRegistry SerializerRegistry { get; init; } = NatsDefaultSerializerRegistry.Default;

    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    public int WriterBufferSize { get; init; } = 65536;

    public int ReaderBufferSize { get; init; } = 65536;

    public string InboxPrefix { get; init; } = "_INBOX";

    /// <summary>Try the servers in the given order instead of a random one.</summary>
    public bool NoRandomize { get; init; }

    public TimeSpan PingInterval { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>So many unanswered pings and the connection counts as lost.</summary>
    public int MaxPingOut { get; init; } = 2;

    public TimeSpan ReconnectWaitMin { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Up to this much is added to each wait.</summary>
    public TimeSpan ReconnectJitter { get; init; } = TimeSpan.FromMilliseconds(100);

    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(2);

    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(5);

    public TimeSpan CommandTimeout { get; init; } = TimeSpan.FromSeconds(5);

    public Encoding HeaderEncoding { get; init; } = Encoding.ASCII;

    public Encoding SubjectEncoding { get; init; } = Encoding.ASCII;

    /// <summary>Attempts after a lost connection before giving up; -1: without end.</summary>
    public int MaxReconnectRetry { get; init; } = -1;

    /// <summary>The wait doubles from <see cref="ReconnectWaitMin"/> up to this.</summary>
    public TimeSpan ReconnectWaitMax { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Keep trying although a server gave the same authentication error twice.</summary>
    public bool IgnoreAuthErrorAbort { get; init; }

    /// <summary>Messages kept for a subscriber that does not read.</summary>
    public int SubPendingChannelCapacity { get; init; } = 1024;

    /// <summary>What happens to a message for which there is no room.</summary>
    public BoundedChannelFullMode SubPendingChannelFullMode { get; init; } = BoundedChannelFullMode.DropNewest;

    /// <summary>The first connection is tried again like a lost one; otherwise its failure is thrown.</summary>
    public bool RetryOnInitialConnect { get; init; }

    /// <summary>While disconnected, a publish waits at most <see cref="CommandTimeout"/>; otherwise until connected or cancelled.</summary>
    public bool PublishTimeoutOnDisconnected { get; init; }
}
