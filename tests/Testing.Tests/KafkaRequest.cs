using System.Buffers.Binary;
using System.Net.Sockets;

namespace Connectors.Testing.Tests;

/// <summary>Requests in Kafka's protocol, in their oldest form (version 0), without a client's name.</summary>
internal static class KafkaRequest
{
    internal const short Metadata = 3;
    internal const short ApiVersions = 18;

    /// <summary>Asks on a connection of its own; the answer comes without its length and its correlation id.</summary>
    internal static async Task<byte[]> SendAsync(string broker, short api, byte[] body)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(broker.Split(':')[0], int.Parse(broker.Split(':')[1]));
        var stream = client.GetStream();
        var head = new byte[14];
        BinaryPrimitives.WriteInt32BigEndian(head, head.Length - 4 + body.Length);
        BinaryPrimitives.WriteInt16BigEndian(head.AsSpan(4), api);
        await stream.WriteAsync((byte[])[.. head, .. body]);

        var size = new byte[4];
        await stream.ReadExactlyAsync(size);
        var answer = new byte[BinaryPrimitives.ReadInt32BigEndian(size)];
        await stream.ReadExactlyAsync(answer);
        return answer[4..];
    }
}
