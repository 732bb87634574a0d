namespace Connectors.Streams.Nats;

/// <summary>How many bytes a pull asks for.</summary>
internal enum PullSize
{
    /// <summary>Enough for many messages as most are.</summary>
    Ordinary,

    /// <summary>Enough for the largest message that the server takes: an ordinary pull was too small for the next one.</summary>
    Large,

    /// <summary>Without a bound: what lies there is larger than the server takes now, or than the consumer's own limit.</summary>
    Unbounded,
}

/// <summary>
/// Bounds how many bytes of messages can be on their way over one connection, whatever was asked for: nats-server ends a connection for which more than its
/// <c>max_pending</c> waits (64 MiB unless set). Each pull keeps room for as many bytes as it asks for, until it has ended.
/// </summary>
/// <param name="link">The connection, which knows what the server takes.</param>
internal sealed class PullRoom(NatsLink link)
{
    /// <summary>For how many bytes one asks that may stand there for long, and of which there are many.</summary>
    public const int Standing = 2 * Little;

    // A message of no more bytes is one for ordinary pulls.
    private const int Little = 64 * 1024;

    private const int OrdinaryMost = 1024 * 1024;
    private const int LargeMost = 8 * 1024 * 1024;

    // What the server counts besides body and headers: two subjects.
    private const int Around = 8 * 1024;

    // Large ones do not wait for the room of those that stand there and wait for messages.
    private readonly Room _ordinary = new(20 * 1024 * 1024);
    private readonly Room _large = new(20 * 1024 * 1024);

    /// <summary>Where a pull of this size keeps its room.</summary>
    public Room For(PullSize size) => size == PullSize.Ordinary ? _ordinary : _large;

    /// <summary>What the next pull is to be like, where a message of so many bytes was the last.</summary>
    public PullSize SizeFor(int bytes) => bytes <= Little ? PullSize.Ordinary : bytes <= link.MaxPayload ? PullSize.Large : PullSize.Unbounded;

    /// <summary>For how many bytes a pull asks that does not stand.</summary>
    public long Bytes(PullSize size, int count) => size switch
    {
        PullSize.Ordinary => Math.Clamp((long)count * Little, Standing, OrdinaryMost),
        PullSize.Large => Math.Max(link.MaxPayload + Around, Math.Min((long)count * (link.MaxPayload + Around), LargeMost)),
        _ => _large.Total,
    };
}
