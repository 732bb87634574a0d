using System.Text;
using Confluent.Kafka;
using Connectors.Sdk.Events;
using Header = Connectors.Sdk.Invocation.Header;

namespace Connectors.Kafka.Records;

/// <summary>
/// A record's headers as HTTP headers by the rules of <see cref="ForeignHeaders"/>; docs/kafka.md has them in full. Values are bytes here, so it is those that
/// become base64. Beyond <see cref="HeaderLimits"/> headers are left out, counted and named.
/// </summary>
internal static class HeaderRules
{
    public const string Prefix = "X-Kafka-";

    /// <summary>How many headers were left out, and their names: <c>3 colour shape size</c>.</summary>
    public const string Dropped = Prefix + "Headers-Dropped";

    /// <summary>The longest key that is sent, before encoding.</summary>
    public const int MaxKeyBytes = 4 * 1024;

    // The names of what was left out may be as long as what was left out.
    private const int MaxDroppedBytes = 512;

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
                dropped.AddRange(group.Select(h => ForeignHeaders.Token(h.Key)));
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
    public static string Name(string name) => Prefix + ForeignHeaders.Apart(ForeignHeaders.Token(name), ForeignHeaders.EncodingSuffix, Own);

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
        // One char for each byte.
        List<string?> texts = [.. values.Select(v => v is null ? null : Encoding.Latin1.GetString(v))];
        var arePlain = texts.All(t => t is null || ForeignHeaders.IsPlain(t));
        foreach (var (text, value) in texts.Zip(values))
        {
            yield return new Header(name, value is null ? "" : arePlain ? text! : Convert.ToBase64String(value)); // of the same value
        }

        if (!arePlain || texts.Contains(null))
        {
            yield return new Header(name + ForeignHeaders.EncodingSuffix, arePlain ? "null" : "b64");
        }
    }
}
