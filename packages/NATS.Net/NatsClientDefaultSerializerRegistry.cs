using NATS.Client.Core;

namespace NATS.Net;

/// <summary>Bytes, primitives and JSON; what <see cref="NatsClient"/> uses.</summary>
public class NatsClientDefaultSerializerRegistry : INatsSerializerRegistry
{
    public static readonly NatsClientDefaultSerializerRegistry Default = new();

    public INatsSerialize<T> GetSerializer<T>() => NatsClientDefaultSerializer<T>.Default;

    public INatsDeserialize<T> GetDeserializer<T>() => NatsClientDefaultSerializer<T>.Default;
}

public static class NatsClientDefaultSerializer<T>
{
    public static readonly INatsSerializer<T> Default =
        new NatsRawSerializer<T>(new NatsUtf8PrimitivesSerializer<T>(JsonPayloadSerializer<T>.Default));
}
