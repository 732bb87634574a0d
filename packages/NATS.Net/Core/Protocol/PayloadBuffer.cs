using System.Buffers;

namespace NATS.Client.Core;

/// <summary>Where headers and payload are written before their length is known. One for each thread, reused.</summary>
internal sealed class PayloadBuffer : IBufferWriter<byte>
{
    /// <summary>A larger array is not kept after use.</summary>
    private const int LargestKept = 1 << 20;

    [ThreadStatic]
    private static PayloadBuffer? _ofThread;

    private byte[] _array = new byte[4096];
    private int _length;

    public ReadOnlyMemory<byte> Written => _array.AsMemory(0, _length);

    public int Length => _length;

    public static PayloadBuffer Take()
    {
        var buffer = _ofThread ?? new PayloadBuffer();
        _ofThread = null;
        buffer._length = 0;
        return buffer;
    }

    public void Return()
    {
        if (_array.Length <= LargestKept)
            _ofThread = this;
    }

    public void Advance(int count) => _length += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Grow(sizeHint);
        return _array.AsMemory(_length);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Grow(sizeHint);
        return _array.AsSpan(_length);
    }

    private void Grow(int sizeHint)
    {
        var needed = _length + Math.Max(sizeHint, 1);
        if (needed > _array.Length)
            Array.Resize(ref _array, Math.Max(needed, _array.Length * 2));
    }
}
