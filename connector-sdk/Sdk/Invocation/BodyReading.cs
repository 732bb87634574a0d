using System.Buffers;

namespace Connectors.Sdk.Invocation;

/// <summary>Reads an answer to its end, keeping it only if it is no longer than asked for.</summary>
internal static class BodyReading
{
    private const int ChunkBytes = 64 * 1024;

    public static async Task<(ReadOnlyMemory<byte> Kept, long Length)> ReadAsync(HttpContent content, long keepBytes, CancellationToken ct)
    {
        if (content.Headers.ContentLength == 0)
        {
            return (default, 0);
        }

        await using var body = await content.ReadAsStreamAsync(ct);
        var chunk = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        try
        {
            // Of one that says it is too long, nothing is kept from the start; of any other, nothing once it is.
            var told = content.Headers.ContentLength;
            var kept = keepBytes > 0 && !(told > keepBytes) ? new ArrayBufferWriter<byte>((int)Math.Min(keepBytes, told is > 0 and var known ? known : 256)) : null;
            var length = 0L;
            for (int read; (read = await body.ReadAsync(chunk, ct)) > 0;)
            {
                length += read;
                if (length > keepBytes)
                {
                    kept = null;
                }

                kept?.Write(chunk.AsSpan(0, read));
            }

            return (kept?.WrittenMemory ?? default, length);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }
    }
}
