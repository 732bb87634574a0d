using System.Security.Cryptography;

namespace Connectors.Gateway.Enqueueing;

/// <summary>
/// Ids of calls and deliveries: UUIDs of version 4, of which 122 bits are the system's randomness. It is asked for many at a time: once for each id would be
/// a system call for each.
/// </summary>
internal static class FreshId
{
    private const int Size = 16;
    private const int AtOnce = 256;

    [ThreadStatic]
    private static byte[]? _random;

    [ThreadStatic]
    private static int _used;

    public static string Next()
    {
        if (_random is null || _used == _random.Length)
        {
            RandomNumberGenerator.Fill(_random ??= new byte[Size * AtOnce]);
            _used = 0;
        }

        var own = _random.AsSpan(_used, Size);
        _used += Size;
        var id = Write(own);

        // Whoever knows an id may use it: what was given out is not kept.
        own.Clear();
        return id;
    }

    private static string Write(Span<byte> bytes)
    {
        bytes[6] = (byte)((bytes[6] & 0x0f) | 0x40);
        bytes[8] = (byte)((bytes[8] & 0x3f) | 0x80);
        return new Guid(bytes, bigEndian: true).ToString();
    }
}
