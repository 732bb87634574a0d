using System.Buffers;

namespace NATS.Client.Core;

/// <summary>A rented array with its length. Whoever receives one disposes it, once.</summary>
public struct NatsMemoryOwner<T> : IMemoryOwner<T>
{
    private readonly ArrayPool<T> _pool;
    private T[]? _array;

    private NatsMemoryOwner(int length, ArrayPool<T> pool)
    {
        Length = length;
        _pool = pool;
        _array = pool.Rent(length);
    }

    public static NatsMemoryOwner<T> Empty => new(0, ArrayPool<T>.Shared);

    public readonly int Length { get; }

    public readonly Memory<T> Memory => _array is null ? Memory<T>.Empty : new Memory<T>(_array, 0, Length);

    public readonly Span<T> Span => _array is null ? [] : _array.AsSpan(0, Length);

    public static NatsMemoryOwner<T> Allocate(int size) => new(size, ArrayPool<T>.Shared);

    public static NatsMemoryOwner<T> Allocate(int size, ArrayPool<T> pool) => new(size, pool);

    public void Dispose()
    {
        if (_array is { } array)
        {
            _array = null;
            _pool.Return(array);
        }
    }
}
