using System.Globalization;
using System.Text;
using Connectors.Sdk.Invocation;

namespace Connectors.Sdk.Events;

/// <summary>
/// How names and values that others chose become HTTP headers that nothing on the way can misread. In names, what HTTP does not allow in a token is
/// percent-encoded UTF-8, and so is the percent sign, so that no two names become one. A value that is not printable ASCII, or has a space at either end, is the base64 of its UTF-8, and a header of the same name
/// with <c>-Enc</c> behind it says <c>b64</c>. What needs no encoding stays as it is.
/// </summary>
public static class ForeignHeaders
{
    /// <summary>Ends the name of the header that says how another's value is encoded.</summary>
    public const string EncodingSuffix = "-Enc";

    /// <summary>Begins a name that was moved aside.</summary>
    public const string AsidePrefix = "Header-";

    private const string TokenMarks = "!#$&'*+-.^_`|~";

    /// <summary>A foreign name as an HTTP token; empty stays empty.</summary>
    public static string Token(string name)
    {
        if (name.All(IsPlainChar))
        {
            return name;
        }

        var token = new StringBuilder(name.Length + 16);
        foreach (var b in Encoding.UTF8.GetBytes(name))
        {
            _ = IsPlainChar((char)b) ? token.Append((char)b) : token.Append('%').Append(b.ToString("X2", CultureInfo.InvariantCulture));
        }

        return token.ToString();
    }

    /// <summary>
    /// A name that cannot pass for another's companion, such as <c>event-Type</c> beside <c>event</c>: for each time that it ends in the companion's
    /// suffix, each time that it begins with <see cref="AsidePrefix"/>, and once more if what is left is a name of the connector's own, that prefix is put
    /// before it. No two names become one, nor one and another's companion.
    /// </summary>
    /// <param name="token">The name.</param>
    /// <param name="suffix">What ends the names of companions, for example <c>-Type</c>.</param>
    /// <param name="own">Names that the connector uses itself; their set compares without regard to case.</param>
    public static string Apart(string token, string suffix, IReadOnlySet<string>? own = null)
    {
        var times = 0;
        var left = token.AsSpan();
        for (; left.EndsWith(suffix, StringComparison.OrdinalIgnoreCase); left = left[..^suffix.Length])
        {
            times++;
        }

        for (; left.StartsWith(AsidePrefix, StringComparison.OrdinalIgnoreCase); left = left[AsidePrefix.Length..])
        {
            times++;
        }

        times += own?.Contains(left.ToString()) == true ? 1 : 0;
        return string.Concat(Enumerable.Repeat(AsidePrefix, times)) + token;
    }

    /// <summary>Whether a value arrives as it is: printable ASCII, without spaces at its ends.</summary>
    public static bool IsPlain(string value) => value.Length == 0 || (value[0] != ' ' && value[^1] != ' ' && value.All(c => c is >= ' ' and <= '~'));

    /// <summary>
    /// The headers, encoded where they must be. A name that is a token already stays as it is, so that what was encoded is not encoded again. Those of one
    /// name are encoded all or none.
    /// </summary>
    public static IEnumerable<Header> Encode(IEnumerable<Header> headers)
    {
        foreach (var lines in headers.GroupBy(h => h.Name.All(IsTokenChar) ? h.Name : Token(h.Name), StringComparer.OrdinalIgnoreCase))
        {
            var arePlain = lines.All(h => IsPlain(h.Value));
            foreach (var line in lines)
            {
                yield return new Header(lines.Key, arePlain ? line.Value : Convert.ToBase64String(Encoding.UTF8.GetBytes(line.Value)));
            }

            if (!arePlain)
            {
                yield return new Header(lines.Key + EncodingSuffix, "b64");
            }
        }
    }

    private static bool IsTokenChar(char c) => c == '%' || IsPlainChar(c);

    private static bool IsPlainChar(char c) => char.IsAsciiLetterOrDigit(c) || TokenMarks.Contains(c, StringComparison.Ordinal);
}
