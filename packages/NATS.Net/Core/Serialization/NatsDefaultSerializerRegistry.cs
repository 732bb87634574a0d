namespace NATS.Client.Core;

/// <summary>Bytes and primitives; what a plain <see cref="NatsConnection"/> uses.</summary>
public class NatsDefaultSerializerRegistry : INatsSerializerRegistry
{
    public static readonly NatsDefaultSerializerRegistry Default = new();

    public INatsSerialize<T> GetSerializer<T>() => NatsRawSerializer<T>.Default;

    public INatsDeserialize<T> GetDeserializer<T>() => NatsRawSerializer<T>.Default;
}
