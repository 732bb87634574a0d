using System.Text;

namespace Connectors.Provider.Isolation;

/// <summary>
/// Variables are bytes, and .NET hands them on as UTF-8. Bytes that are no UTF-8 stand in a text as lone surrogates, U+DC00 more than the byte, which no
/// UTF-8 yields; a text with such characters cannot be handed on as it is, and is <see cref="Escaped"/> for a shell's printf.
/// </summary>
internal static class EnvironmentBytes
{
    private const char First = '\uDC80';
    private const char Last = '\uDCFF';

    public static string ToText(ReadOnlySpan<byte> bytes)
    {
        if (System.Text.Unicode.Utf8.IsValid(bytes))
        {
            return Encoding.UTF8.GetString(bytes);
        }

        var text = new StringBuilder();
        while (!bytes.IsEmpty)
        {
            var isWhole = Rune.DecodeFromUtf8(bytes, out var rune, out var length) == System.Buffers.OperationStatus.Done;
            if (isWhole)
            {
                text.Append(rune.ToString());
            }
            else
            {
                foreach (var odd in bytes[..length])
                {
                    text.Append((char)(First - 0x80 + odd));
                }
            }

            bytes = bytes[length..];
        }

        return text.ToString();
    }

    /// <summary>Whether a text stands for bytes that are no UTF-8.</summary>
    public static bool AreNeeded(string text) => Enumerable.Range(0, text.Length).Any(i => IsByte(text, i));

    /// <summary>The text for <c>printf %b</c>: <c>M\xfcller</c> is <c>M\0374ller</c>.</summary>
    public static string Escaped(string text)
    {
        var escaped = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            if (IsByte(text, i))
            {
                escaped.Append(@"\0").Append(Convert.ToString(text[i] - First + 0x80, 8));
            }
            else if (text[i] == '\\')
            {
                escaped.Append(@"\0134");
            }
            else
            {
                escaped.Append(text[i]);
            }
        }

        return escaped.ToString();
    }

    private static bool IsByte(string text, int i) => text[i] is >= First and <= Last && (i == 0 || !char.IsHighSurrogate(text[i - 1]));
}
