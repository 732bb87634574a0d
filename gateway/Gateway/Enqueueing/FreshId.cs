using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Connectors.Gateway.Enqueueing;

/// <summary>
/// Ids of calls and deliveries: UUIDs of version 7, which begin with the milliseconds of their making and so can be searched for by time; 74 bits are the
/// system's randomness. It is asked for many at a time: once for each id would be a system call for each.
/// </summary>
internal static class FreshId
{
    private const int Size = 16;
    private const int TimeSize = 6;
    private const int AtOnce = 256;

    [ThreadStatic]
    private static byte[]? _random;

    [ThreadStatic]
    private static int _used;

    public static string Next(DateTimeOffset now)
    {
        if (_random is null || _used == _random.Length)
        {
            RandomNumberGenerator.Fill(_random ??= new byte[Size * AtOnce]);
            _used = 0;
        }

        var own = _random.AsSpan(_used, Size);
        _used += Size;
        var id = Write(own, now);

        // Whoever knows an id may use it: what was given out is not kept.
        own.Clear();
        return id;
    }

    /// <summary>When an id was made; null for one that does not say, such as a caller's own.</summary>
    public static DateTimeOffset? TimeOf(string id)
    {
        Span<byte> bytes = stackalloc byte[Size];
        if (!Guid.TryParseExact(id, "D", out var guid) || guid.Version != 7 || !guid.TryWriteBytes(bytes, bigEndian: true, out _))
        {
            return null;
        }

        // Another's id of that form may hold any number.
        var milliseconds = (long)(BinaryPrimitives.ReadUInt64BigEndian(bytes) >> 16);
        return milliseconds <= DateTimeOffset.MaxValue.ToUnixTimeMilliseconds() ? DateTimeOffset.FromUnixTimeMilliseconds(milliseconds) : null;
    }

    private static string Write(Span<byte> bytes, DateTimeOffset now)
    {
        Span<byte> time = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(time, now.ToUnixTimeMilliseconds());
        time[^TimeSize..].CopyTo(bytes);
        bytes[6] = (byte)((bytes[6] & 0x0f) | 0x70);
        bytes[8] = (byte)((bytes[8] & 0x3f) | 0x80);
        return new Guid(bytes, bigEndian: true).ToString();
    }
}
