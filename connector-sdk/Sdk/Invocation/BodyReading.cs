using System.Buffers;

namespace Connectors.Sdk.Invocation;

/// <summary>Reads an answer to its end, keeping it only if it is no longer than asked for.</summary>
internal static class BodyReading
{
    private const int ChunkBytes = 64 * 1024;

    public static async Task<(ReadOnlyMemory<byte> Kept, long Length)> ReadAsync(HttpContent content, long keepBytes, CancellationToken ct)
    {
        await using var body = await content.ReadAsStreamAsync(ct);
        var chunk = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        try
        {
            var kept = new ArrayBufferWriter<byte>(Math.Max(1, (int)Math.Min(keepBytes, content.Headers.ContentLength ?? 256)));
            var length = 0L;
            for (int read; (read = await body.ReadAsync(chunk, ct)) > 0;)
            {
                length += read;
                if (length <= keepBytes)
                {
                    kept.Write(chunk.AsSpan(0, read));
                }
            }

            return length <= keepBytes ? (kept.WrittenMemory, length) : (default, length);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }
    }
}
