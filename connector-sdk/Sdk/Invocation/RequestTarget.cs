using System.Globalization;
using System.Text;

namespace Connectors.Sdk.Invocation;

/// <summary>Path and query of a request as they were given, in the characters that a request line may hold.</summary>
public static class RequestTarget
{
    /// <summary>
    /// The text with every byte that may not stand in a request line as <c>%XX</c>; everything else, dots, repeated slashes and escapes included, as it is.
    /// A char up to U+00FF is one byte, as servers read header lines and targets (UTF-8 <c>ü</c> arrives as two chars, and leaves as <c>%C3%BC</c>); any other
    /// is written in UTF-8.
    /// </summary>
    public static string Of(string given)
    {
        if (!given.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            return given;
        }

        var target = new StringBuilder(given.Length + 16);
        foreach (var rune in given.EnumerateRunes())
        {
            if (rune.Value is > ' ' and < 0x7f)
            {
                target.Append((char)rune.Value);
            }
            else
            {
                foreach (var b in rune.Value <= 0xff ? [(byte)rune.Value] : Encoding.UTF8.GetBytes(rune.ToString()))
                {
                    target.Append('%').Append(b.ToString("X2", CultureInfo.InvariantCulture));
                }
            }
        }

        return target.ToString();
    }
}
