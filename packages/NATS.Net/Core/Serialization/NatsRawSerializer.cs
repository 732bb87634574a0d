using System.Buffers;

namespace NATS.Client.Core;

/// <summary>Bytes as they are: arrays, memory, sequences and rented memory.</summary>
public class NatsRawSerializer<T> : INatsSerializer<T>
{
    public static readonly NatsRawSerializer<T> Default = new(NatsUtf8PrimitivesSerializer<T>.Default);

    private readonly INatsSerializer<T>? _next;

    public NatsRawSerializer(INatsSerializer<T>? next = default) => _next = next;

    public INatsSerializer<T> CombineWith(INatsSerializer<T> next) => new NatsRawSerializer<T>(next);

    public void Serialize(IBufferWriter<byte> bufferWriter, T value)
    {
        switch (value)
        {
            case byte[] bytes:
                bufferWriter.Write(bytes);
                break;
            case ReadOnlyMemory<byte> memory:
                bufferWriter.Write(memory.Span);
                break;
            case Memory<byte> memory:
                bufferWriter.Write(memory.Span);
                break;
            case ReadOnlySequence<byte> sequence:
                foreach (var segment in sequence)
                    bufferWriter.Write(segment.Span);
                break;
            case NatsMemoryOwner<byte> owner:
                using (owner)
                    bufferWriter.Write(owner.Span);
                break;
            case IMemoryOwner<byte> owner:
                using (owner)
                    bufferWriter.Write(owner.Memory.Span);
                break;
            default:
                if (_next is null)
                    throw new NatsException($"Can't serialize {typeof(T)}");
                _next.Serialize(bufferWriter, value);
                break;
        }
    }

    public T? Deserialize(in ReadOnlySequence<byte> buffer)
    {
        if (typeof(T) == typeof(byte[]))
            return (T)(object)buffer.ToArray();
        if (typeof(T) == typeof(ReadOnlyMemory<byte>))
            return (T)(object)new ReadOnlyMemory<byte>(buffer.ToArray());
        if (typeof(T) == typeof(Memory<byte>))
            return (T)(object)new Memory<byte>(buffer.ToArray());
        if (typeof(T) == typeof(ReadOnlySequence<byte>))
            return (T)(object)new ReadOnlySequence<byte>(buffer.ToArray());
        if (typeof(T) == typeof(NatsMemoryOwner<byte>) || typeof(T) == typeof(IMemoryOwner<byte>))
        {
            var owner = NatsMemoryOwner<byte>.Allocate((int)buffer.Length);
            buffer.CopyTo(owner.Span);
            return (T)(object)owner;
        }

        if (_next is null)
            throw new NatsException($"Can't deserialize {typeof(T)}");
        return _next.Deserialize(buffer);
    }
}
