using System.Buffers;

namespace Connectors.Gateway.Enqueueing;

/// <summary>Reads the body of an async call into memory, which grows with what comes in: a slow or lying caller holds no more than it sent.</summary>
internal static class CallBody
{
    private const int FirstBytes = 4 * 1024;

    /// <summary>Null if the body is longer than <paramref name="limit"/>.</summary>
    public static async Task<ReadOnlyMemory<byte>?> ReadAsync(HttpRequest request, int limit, CancellationToken ct)
    {
        var body = new ArrayBufferWriter<byte>(FirstBytes);
        while (true)
        {
            var read = await request.BodyReader.ReadAsync(ct);
            var isOver = body.WrittenCount + read.Buffer.Length > limit;
            if (!isOver)
            {
                Append(body, read.Buffer);
            }

            request.BodyReader.AdvanceTo(read.Buffer.End);
            if (isOver)
            {
                return null;
            }

            if (read.IsCompleted)
            {
                return body.WrittenMemory;
            }
        }
    }

    private static void Append(ArrayBufferWriter<byte> body, ReadOnlySequence<byte> read)
    {
        foreach (var segment in read)
        {
            body.Write(segment.Span);
        }
    }
}
