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

    // Which properties a message has.
    private static readonly byte[] Headers = [0x20, 0];
    private static readonly byte[] CorrelationId = [0x04, 0];

    // Class and method.
    private const int MethodHead = 4;

    /// <summary>Writes a message whose header <c>n</c> is a decimal of such a scale; returns once the broker has it.</summary>
    public static Task SendDecimalAsync(int port, string queue, byte scale) => SendHeaderAsync(port, queue, Short("n"), [(byte)'D', scale, .. Long(1)]);

    /// <summary>Writes a message whose header <c>n</c> is a list in a list in a list, so many in all; returns once the broker has it.</summary>
    public static Task SendListsAsync(int port, string queue, int depth) => SendHeaderAsync(port, queue, Short("n"), Lists(depth));

    /// <summary>Writes a message with a header whose name is so many bytes that are no UTF-8; returns once the broker has it.</summary>
    public static Task SendHeaderNameAsync(int port, string queue, byte length) => SendHeaderAsync(port, queue, NoText(length), "V"u8.ToArray());

    /// <summary>Writes a message whose correlation id is so many bytes that are no UTF-8; returns once the broker has it.</summary>
    public static Task SendCorrelationIdAsync(int port, string queue, byte length) => SendAsync(port, queue, [.. CorrelationId, .. NoText(length)]);

    private static Task SendHeaderAsync(int port, string queue, byte[] name, byte[] value) =>
        SendAsync(port, queue, [.. Headers, .. Long((uint)(name.Length + value.Length)), .. name, .. value]);

    private static async Task SendAsync(int port, string queue, byte[] properties)
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

        await WriteAsync(stream, MethodFrame, 1, [.. Method(60, 40), 0, 0, .. Short(""), .. Short(queue), 0]);
        await WriteAsync(stream, HeaderFrame, 1, [.. Method(60, 0), .. Long(0), .. Long(1), .. properties]);
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

    private static byte[] NoText(byte length) => [length, .. Enumerable.Repeat((byte)0xFF, length)];

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
