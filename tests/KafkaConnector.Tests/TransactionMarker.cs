using System.Buffers.Binary;
using System.Net.Sockets;
using System.Numerics;
using System.Text;

namespace Connectors.Kafka.Tests;

/// <summary>
/// The record with which a broker ends a transaction: it takes an offset, and no consumer shows it. The mock cluster knows transactions and writes none, so it
/// is produced as a producer's own record is, in a batch that is marked as control (Kafka's documentation, "Message Format").
/// </summary>
internal static class TransactionMarker
{
    private const short Produce = 0;
    private const short ProduceVersion = 3;
    private const short Transactional = 0x10;
    private const short Control = 0x20;

    /// <summary>Writes one to the end of a partition.</summary>
    public static async Task WriteAsync(string host, string topic, int partition)
    {
        var address = host.Split(':');
        using var connection = new TcpClient();
        await connection.ConnectAsync(address[0], int.Parse(address[1], System.Globalization.CultureInfo.InvariantCulture));
        var stream = connection.GetStream();
        await stream.WriteAsync(Sized(Request(topic, partition, Batch())));
        var answer = new byte[4];
        await stream.ReadExactlyAsync(answer);
        var rest = new byte[BinaryPrimitives.ReadInt32BigEndian(answer)];
        await stream.ReadExactlyAsync(rest);

        // Behind the number of the request: one topic, its name, one partition, its number, the error.
        var error = BinaryPrimitives.ReadInt16BigEndian(rest.AsSpan(4 + 4 + 2 + topic.Length + 4 + 4));
        Assert.Equal(0, error);
    }

    private static byte[] Request(string topic, int partition, byte[] batch) =>
        [.. Two(Produce), .. Two(ProduceVersion), .. Four(1), .. Name("marker"), .. Two(-1), .. Two(-1), .. Four(30_000), .. Four(1), .. Name(topic), .. Four(1), .. Four(partition), .. Sized(batch)];

    private static byte[] Batch()
    {
        // Varints below 64 are one byte, twice the number.
        byte[] record = [0, 0, 0, 2 * 4, .. Two(0), .. Two(1), 2 * 6, .. Two(0), .. Four(0), 0];
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
        byte[] body = [.. Two(Transactional | Control), .. Four(0), .. Eight(now), .. Eight(now), .. Eight(1), .. Two(0), .. Four(-1), .. Four(1), (byte)(2 * record.Length), .. record];
        var sum = ~body.Aggregate(~0u, BitOperations.Crc32C);
        byte[] rest = [.. Four(-1), 2, .. Four((int)sum), .. body];
        return [.. Eight(0), .. Sized(rest)];
    }

    private static byte[] Sized(byte[] content) => [.. Four(content.Length), .. content];

    private static byte[] Name(string name) => [.. Two((short)name.Length), .. Encoding.ASCII.GetBytes(name)];

    private static byte[] Two(int number)
    {
        var bytes = new byte[2];
        BinaryPrimitives.WriteInt16BigEndian(bytes, (short)number);
        return bytes;
    }

    private static byte[] Four(int number)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, number);
        return bytes;
    }

    private static byte[] Eight(long number)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(bytes, number);
        return bytes;
    }
}
