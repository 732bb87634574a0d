using System.Globalization;
using System.Text;
using Connectors.Sdk.Invocation;

namespace Connectors.Sdk.Events;

/// <summary>An event's CloudEvents 1.0 attributes as HTTP headers, binary mode (CloudEvents HTTP protocol binding 3.1).</summary>
public static class CloudEvent
{
    /// <summary>The headers; the body and its <c>Content-Type</c> stay as they are.</summary>
    /// <param name="content">The event.</param>
    /// <param name="connector">The connector's name, which stands for an event without a source.</param>
    public static IEnumerable<Header> Headers(Event content, string connector)
    {
        yield return new Header("ce-specversion", "1.0");
        yield return new Header("ce-id", Encode(content.Id));
        yield return new Header("ce-source", Encode(content.Source.Length > 0 ? content.Source : "/" + connector));
        yield return new Header("ce-type", Encode(content.Type));
        yield return new Header("ce-subject", Encode(content.Topic));
        if (content.Time is { } time)
        {
            yield return new Header("ce-time", time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture));
        }
    }

    /// <summary>Percent-encodes what the binding does not allow in a header value: all but printable ASCII, and space, double quote and percent.</summary>
    public static string Encode(string value)
    {
        if (value.All(c => c is > ' ' and < '\x7f' and not '"' and not '%'))
        {
            return value;
        }

        var encoded = new StringBuilder(value.Length + 16);
        foreach (var b in Encoding.UTF8.GetBytes(value))
        {
            if (b is > (byte)' ' and < 0x7f and not (byte)'"' and not (byte)'%')
            {
                encoded.Append((char)b);
            }
            else
            {
                encoded.Append('%').Append(b.ToString("X2", CultureInfo.InvariantCulture));
            }
        }

        return encoded.ToString();
    }
}
