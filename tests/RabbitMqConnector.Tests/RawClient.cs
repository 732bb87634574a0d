using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace Connectors.RabbitMq.Tests;

/// <summary>AMQP 0-9-1 by hand, for what no client of ours would write.</summary>
internal static class RawClient
{
    private const byte MethodFrame = 1;
    private const byte HeaderFrame = 2;
    private const byte BodyFrame = 3;
    private const byte FrameEnd = 0xCE;

    // Class and method.
    private const int MethodHead = 4;

    /// <summary>Writes a message whose header <c>n</c> is a decimal of such a scale; returns once the broker has it.</summary>
    public static Task SendDecimalAsync(int port, string queue, byte scale) => SendAsync(port, queue, [(byte)'D', scale, .. Long(1)]);

    /// <summary>Writes a message whose header <c>n</c> is a list in a list in a list, so many in all; returns once the broker has it.</summary>
    public static Task SendListsAsync(int port, string queue, int depth) => SendAsync(port, queue, Lists(depth));

    private static async Task SendAsync(int port, string queue, byte[] header)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", port);
        await using var stream = client.GetStream();
        await stream.WriteAsync("AMQP\0\0\u0009\u0001"u8.ToArray());
        await ReadMethodAsync(stream, 10, 10);
        await WriteAsync(stream, MethodFrame, 0, [.. Method(10, 11), .. Long(0), .. Short("PLAIN"), .. Long(12), .. "\0guest\0guest"u8, .. Short("en_US")]);
        var tune = await ReadMethodAsync(stream, 10, 30);
        await WriteAsync(stream, MethodFrame, 0, [.. Method(10, 31), .. tune[..6], 0, 0]);
        await WriteAsync(stream, MethodFrame, 0, [.. Method(10, 40), .. Short("/"), 0, 0]);
        await ReadMethodAsync(stream, 10, 41);
        await WriteAsync(stream, MethodFrame, 1, [.. Method(20, 10), 0]);
        await ReadMethodAsync(stream, 20, 11);
        await WriteAsync(stream, MethodFrame, 1, [.. Method(85, 10), 0]);
        await ReadMethodAsync(stream, 85, 11);

        byte[] entry = [.. Short("n"), .. header];
        await WriteAsync(stream, MethodFrame, 1, [.. Method(60, 40), 0, 0, .. Short(""), .. Short(queue), 0]);
        await WriteAsync(stream, HeaderFrame, 1, [.. Method(60, 0), .. Long(0), .. Long(1), 0x20, 0, .. Long((uint)entry.Length), .. entry]);
        await WriteAsync(stream, BodyFrame, 1, "x"u8.ToArray());
        await ReadMethodAsync(stream, 60, 80);
    }

    private static byte[] Lists(int depth)
    {
        var bytes = new byte[5 * depth];
        for (var i = 0; i < bytes.Length; i += 5)
        {
            bytes[i] = (byte)'A';
            BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(i + 1), bytes.Length - i - 5);
        }

        return bytes;
    }

    // Class and method; for a header frame class and weight.
    private static byte[] Method(ushort type, ushort method)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, type);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(2), method);
        return bytes;
    }

    private static byte[] Long(uint value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }

    private static byte[] Short(string text) => [(byte)text.Length, .. Encoding.UTF8.GetBytes(text)];

    private static async Task WriteAsync(NetworkStream stream, byte type, ushort channel, byte[] payload) =>
        await stream.WriteAsync((byte[])[type, (byte)(channel >> 8), (byte)channel, .. Long((uint)payload.Length), .. payload, FrameEnd]);

    // Returns its arguments.
    private static async Task<byte[]> ReadMethodAsync(NetworkStream stream, ushort type, ushort method)
    {
        var head = new byte[7];
        await stream.ReadExactlyAsync(head);
        var payload = new byte[BinaryPrimitives.ReadUInt32BigEndian(head.AsSpan(3)) + 1];
        await stream.ReadExactlyAsync(payload);
        Assert.Equal((type, method), (BinaryPrimitives.ReadUInt16BigEndian(payload), BinaryPrimitives.ReadUInt16BigEndian(payload.AsSpan(2))));
        return payload[MethodHead..^1];
    }
}
