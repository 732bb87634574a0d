using NATS.Client.Core;

namespace NATS.Client.KeyValueStore;

public readonly record struct NatsKVEntry<T>(string Bucket, string Key)
{
    public T? Value { get; init; }

    public ulong Revision { get; init; }

    /// <summary>How many entries come after this one; 0 is the last.</summary>
    public ulong Delta { get; init; }

    public DateTimeOffset Created { get; init; }

    public NatsKVOperation Operation { get; init; }

    /// <summary>Why the value could not be read.</summary>
    public NatsException? Error { get; init; }

    public void EnsureSuccess()
    {
        if (Error is { } error)
            throw error;
    }
}

public enum NatsKVOperation
{
    Put,
    Del,
    Purge,
}
