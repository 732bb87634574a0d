using NATS.Client.JetStream;

namespace NATS.Client.KeyValueStore;

public class NatsKVException : NatsJSException
{
    public NatsKVException(string message)
        : base(message)
    {
    }

    public NatsKVException(string message, Exception exception)
        : base(message, exception)
    {
    }
}

public class NatsKVKeyNotFoundException : NatsKVException
{
    public static readonly NatsKVKeyNotFoundException Default = new();

    public NatsKVKeyNotFoundException()
        : base("Key not found")
    {
    }
}

/// <summary>The last thing that happened to the key is a delete.</summary>
public class NatsKVKeyDeletedException : NatsKVException
{
    public NatsKVKeyDeletedException(ulong revision)
        : base("Key was deleted") =>
        Revision = revision;

    public ulong Revision { get; }
}

public class NatsKVWrongLastRevisionException : NatsKVException
{
    public NatsKVWrongLastRevisionException()
        : base("Wrong last revision")
    {
    }
}

/// <summary>The key exists.</summary>
public class NatsKVCreateException : NatsKVException
{
    public NatsKVCreateException()
        : base("Can't create entry")
    {
    }
}
