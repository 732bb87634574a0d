using System.Collections.Concurrent;
using System.Text;

namespace Connectors.Sdk.Invocation;

/// <summary>
/// SocketsHttpHandler joins the values of a repeated header with a comma, which is not what was sent and breaks headers that are no lists.
/// Here the values are joined with a character that Latin-1 cannot hold, and so no peer can send; the header's own encoding writes it as
/// the end of the line and the start of the next one of that name.
/// </summary>
internal sealed class RepeatedHeader : Encoding
{
    private const char Separator = '\uE000';
    private const int KeptNames = 1024;

    private static readonly ConcurrentDictionary<string, RepeatedHeader> Known = new(StringComparer.OrdinalIgnoreCase);

    private readonly byte[] _nextLine;

    private RepeatedHeader(string name) => _nextLine = Latin1.GetBytes($"\r\n{name}: ");

    public static string Join(IReadOnlyList<string?> values) => string.Join(Separator, values);

    public static Encoding EncodingOf(string name)
    {
        if (Known.TryGetValue(name, out var known))
        {
            return known;
        }

        // Callers choose header names: the memory for them has an end.
        var encoding = new RepeatedHeader(name);
        return Known.Count < KeptNames ? Known.GetOrAdd(name, encoding) : encoding;
    }

    public override int GetByteCount(char[] chars, int index, int count) => GetByteCount(chars.AsSpan(index, count));

    public override int GetByteCount(ReadOnlySpan<char> chars) => chars.Length + (chars.Count(Separator) * (_nextLine.Length - 1));

    public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) =>
        GetBytes(chars.AsSpan(charIndex, charCount), bytes.AsSpan(byteIndex));

    public override int GetBytes(ReadOnlySpan<char> chars, Span<byte> bytes)
    {
        var written = 0;
        for (int end; (end = chars.IndexOf(Separator)) >= 0; chars = chars[(end + 1)..])
        {
            written += Latin1.GetBytes(chars[..end], bytes[written..]);
            _nextLine.CopyTo(bytes[written..]);
            written += _nextLine.Length;
        }

        return written + Latin1.GetBytes(chars, bytes[written..]);
    }

    public override int GetCharCount(byte[] bytes, int index, int count) => Latin1.GetCharCount(bytes, index, count);

    public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex) =>
        Latin1.GetChars(bytes, byteIndex, byteCount, chars, charIndex);

    // The handler reserves this much in its write buffer.
    public override int GetMaxByteCount(int charCount) => charCount * _nextLine.Length;

    public override int GetMaxCharCount(int byteCount) => byteCount;
}
