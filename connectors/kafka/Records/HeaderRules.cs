using System.Text;
using Confluent.Kafka;
using Header = Connectors.Sdk.Invocation.Header;

namespace Connectors.Kafka.Records;

/// <summary>
/// A record's headers as HTTP headers that nothing on the way can misread; the rules are in docs/kafka.md. Names keep what HTTP allows in a token, all else is
/// percent-encoded; a name of the connector's own is moved aside; a value that is not printable ASCII is base64 and said to be; beyond
/// <see cref="HeaderLimits"/> headers are left out, counted and named.
/// </summary>
internal static class HeaderRules
{
    public const string Prefix = "X-Kafka-";

    /// <summary>Takes the place of a name that would pass for one of ours.</summary>
    public const string Aside = Prefix + "Header-";

    /// <summary>How many headers were left out, and their names: <c>3 colour shape size</c>.</summary>
    public const string Dropped = Prefix + "Headers-Dropped";

    /// <summary>The longest key that is sent, before encoding.</summary>
    public const int MaxKeyBytes = 4 * 1024;

    // The names of what was left out may be as long as what was left out.
    private const int MaxDroppedBytes = 512;

    private const string Encoding = "-Enc";
    private const string TokenMarks = "!#$&'*+-.^_`|~";

    private static readonly HashSet<string> Own = new(StringComparer.OrdinalIgnoreCase)
    {
        "Partition", "Offset", "Key", "Key-Dropped", "Timestamp", "Timestamp-Dropped", "Tombstone", "Headers-Dropped", "Unreadable",
    };

    /// <summary>The headers, in the record's order.</summary>
    public static IReadOnlyList<Header> Translate(Headers? headers, HeaderLimits limits)
    {
        if (headers is null || headers.Count == 0)
        {
            return [];
        }

        var translated = new List<Header>();
        var (bytes, dropped) = (0, new List<string>());
        foreach (var group in headers.GroupBy(h => Name(h.Key), StringComparer.OrdinalIgnoreCase))
        {
            List<Header> lines = [.. Values(group.Key, [.. group.Select(h => h.GetValueBytes())])];
            var size = lines.Sum(l => l.Name.Length + l.Value.Length + 4);
            if (bytes + size > limits.Bytes || translated.Count + lines.Count > limits.Count)
            {
                dropped.AddRange(group.Select(h => Token(h.Key)));
                continue;
            }

            bytes += size;
            translated.AddRange(lines);
        }

        if (dropped.Count > 0)
        {
            translated.Add(new Header(Dropped, Names(dropped)));
        }

        return translated;
    }

    /// <summary>The record's key, and how it was encoded if it had to be; only its length, if it is longer than a header should be.</summary>
    public static IEnumerable<Header> Key(byte[] key) =>
        key.Length <= MaxKeyBytes ? Values(Prefix + "Key", [key]) : [new Header(Prefix + "Key-Dropped", key.Length.ToString())];

    /// <summary>The HTTP name for a record header's name.</summary>
    public static string Name(string name)
    {
        var token = Token(name);
        var isOwn = Own.Contains(token) || token.EndsWith(Encoding, StringComparison.OrdinalIgnoreCase) || token.StartsWith("Header-", StringComparison.OrdinalIgnoreCase);
        return (isOwn ? Aside : Prefix) + token;
    }

    private static string Names(List<string> dropped)
    {
        var text = new StringBuilder(dropped.Count.ToString());
        foreach (var name in dropped.Where(name => name.Length > 0))
        {
            if (text.Length + 1 + name.Length > MaxDroppedBytes)
            {
                return text.Append(" ...").ToString();
            }

            text.Append(' ').Append(name);
        }

        return text.ToString();
    }

    // Repeated headers are encoded all or none, so that one companion speaks for all.
    private static IEnumerable<Header> Values(string name, IReadOnlyList<byte[]?> values)
    {
        var mustEncode = values.Any(v => v is not null && !IsPlain(v));
        foreach (var value in values)
        {
            yield return new Header(name, value is null ? "" : mustEncode ? Convert.ToBase64String(value) : System.Text.Encoding.ASCII.GetString(value));
        }

        if (mustEncode)
        {
            yield return new Header(name + Encoding, "b64");
        }
        else if (values.Any(v => v is null))
        {
            yield return new Header(name + Encoding, "null");
        }
    }

    // Printable ASCII; spaces at either end would be lost on the way.
    private static bool IsPlain(byte[] value) => value.Length == 0 || (value[0] != ' ' && value[^1] != ' ' && value.All(b => b is >= 0x20 and <= 0x7e));

    private static string Token(string name)
    {
        if (name.Length > 0 && name.All(c => char.IsAsciiLetterOrDigit(c) || TokenMarks.Contains(c, StringComparison.Ordinal)))
        {
            return name;
        }

        var token = new StringBuilder(name.Length + 16);
        foreach (var b in System.Text.Encoding.UTF8.GetBytes(name))
        {
            var c = (char)b;
            _ = char.IsAsciiLetterOrDigit(c) || TokenMarks.Contains(c, StringComparison.Ordinal) ? token.Append(c) : token.Append('%').Append(b.ToString("X2"));
        }

        return token.ToString();
    }
}
