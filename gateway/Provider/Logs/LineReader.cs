using System.Buffers;
using System.Text;

namespace Connectors.Provider.Logs;

/// <summary>Reads what a process says line by line; a line without an end is cut, not gathered.</summary>
internal static class LineReader
{
    private const int MaxLineLength = 8 * 1024;

    /// <summary>Reads to the end, or until <paramref name="ct"/>.</summary>
    public static async Task CopyAsync(Stream from, FunctionLog log, string instance, CancellationToken ct)
    {
        var chunk = ArrayPool<byte>.Shared.Rent(16 * 1024);
        var decoder = Encoding.UTF8.GetDecoder();
        var chars = new char[Encoding.UTF8.GetMaxCharCount(chunk.Length)];
        var rest = new StringBuilder();
        try
        {
            for (int read; (read = await from.ReadAsync(chunk, ct)) > 0;)
            {
                var count = decoder.GetChars(chunk.AsSpan(0, read), chars, flush: false);
                if (Split(rest, chars.AsSpan(0, count)) is { Count: > 0 } lines)
                {
                    log.Write(instance, lines);
                }
            }
        }
        catch (Exception fault) when (fault is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // The process, or the wish to listen to it, has ended.
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
            if (rest.Length > 0)
            {
                log.Write(instance, rest.ToString());
            }
        }
    }

    private static List<string> Split(StringBuilder rest, ReadOnlySpan<char> chars)
    {
        var lines = new List<string>();
        while (!chars.IsEmpty)
        {
            var end = chars.IndexOf('\n');
            var part = end < 0 ? chars : chars[..end];
            var room = MaxLineLength - rest.Length;
            if (part.Length > room)
            {
                rest.Append(part[..room]);
                chars = chars[room..];
                Flush();
                continue;
            }

            rest.Append(part);
            chars = end < 0 ? [] : chars[(end + 1)..];
            if (end >= 0)
            {
                Flush();
            }
        }

        return lines;

        void Flush()
        {
            lines.Add(rest.ToString().TrimEnd('\r'));
            rest.Clear();
        }
    }
}
