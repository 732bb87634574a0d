using System.Buffers;

namespace NATS.Client.Core;

/// <summary>A message as it lies in the read buffer; valid only until the call that got it returns.</summary>
internal readonly record struct WireMessage(
    string Subject,
    string? ReplyTo,
    bool HasHeaders,
    ReadOnlySequence<byte> Headers,
    ReadOnlySequence<byte> Payload)
{
    public int Size => Subject.Length + (ReplyTo?.Length ?? 0) + (int)Headers.Length + (int)Payload.Length;

    /// <summary>Nobody listens: status 503 and nothing else.</summary>
    public bool IsNoResponders => HasHeaders && Payload.IsEmpty && HeaderCodec.PeekStatus(Headers) == 503;

    public NatsHeaders? ReadHeaders(NatsOpts opts) => HasHeaders ? HeaderCodec.Read(Headers, opts.HeaderEncoding) : null;

    public NatsMsg<T> Read<T>(NatsConnection connection, INatsDeserialize<T> deserializer)
    {
        var headers = ReadHeaders(connection.Opts);
        T? data = default;
        if (!Payload.IsEmpty)
        {
            try
            {
                data = deserializer.Deserialize(Payload);
            }
            catch (Exception exception)
            {
                headers ??= [];
                headers.Error = new NatsDeserializeException(Payload.ToArray(), exception);
            }
        }

        headers?.SetReadOnly();
        return new NatsMsg<T>(Subject, ReplyTo, Size, headers, data, connection);
    }
}
