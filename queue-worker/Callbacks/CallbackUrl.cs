using System.Globalization;
using Connectors.Sdk.Invocation;

namespace Connectors.QueueWorker.Callbacks;

/// <summary>Where a callback goes: the address as it was given, never rewritten on its way. Only what may not stand in a request line is escaped.</summary>
/// <param name="Address">What is dialled and sent.</param>
/// <param name="Credentials">The URL's user-info, unescaped; empty for none.</param>
internal sealed record CallbackUrl(Uri Address, string Credentials)
{
    private static readonly UriCreationOptions AsGiven = new() { DangerousDisablePathAndQueryCanonicalization = true };

    /// <summary>Host and port: who is posted to, however the host was written. Behind our own gateway each function is a receiver by itself.</summary>
    public string Receiver(Uri gateway)
    {
        var host = Address.IdnHost.TrimEnd('.').ToLowerInvariant();
        var path = Segments(Address).Take(2).ToList();
        var isFunction = Address.Port == gateway.Port && host.Equals(gateway.IdnHost.TrimEnd('.'), StringComparison.OrdinalIgnoreCase) && path is ["function" or "async-function", _];
        return isFunction ? $"{host}:{Address.Port}/{path[0]}/{path[1]}" : $"{host}:{Address.Port}";
    }

    /// <summary>Reads a URL; null if it is not an absolute one of http or https.</summary>
    public static CallbackUrl? Of(string? given)
    {
        if (!Uri.TryCreate(given, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
        {
            return null;
        }

        var host = given.IndexOf("://", StringComparison.Ordinal) + 3;
        var end = host < 3 ? -1 : given.AsSpan(host).IndexOfAny("/\\?#");
        var target = end < 0 ? "/" : given[(host + end)..].Split('#')[0];
        target = target.Length == 0 ? "/" : target[0] == '?' ? "/" + target : "/" + target[1..];
        var server = url.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped);
        return new CallbackUrl(new Uri(server + RequestTarget.Of(target), AsGiven), Uri.UnescapeDataString(url.UserInfo));
    }

    /// <summary>Whether it leads to a gateway's <c>/system/</c>. The gateway may have more names than we know: on its port, that is refused whatever the host.</summary>
    public bool IsSystemOf(Uri gateway)
    {
        if (Address.Port != gateway.Port && !Address.Host.TrimEnd('.').Equals(gateway.Host, StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        // A gateway below a path has its own behind that; whatever stands before it may have taken the path away.
        var path = Segments(Address);
        var below = Segments(gateway);
        return IsSystem(path) || (path.Take(below.Count).SequenceEqual(below, StringComparer.OrdinalIgnoreCase) && IsSystem(path.Skip(below.Count)));
    }

    private static bool IsSystem(IEnumerable<string> path) => path.FirstOrDefault()?.Equals("system", StringComparison.OrdinalIgnoreCase) == true;

    // As a server reads it: escapes undone, back to front, dot segments and empty ones gone.
    private static List<string> Segments(Uri address)
    {
        var path = new Stack<string>();
        foreach (var segment in Unescaped(address.PathAndQuery.Split('?')[0]).Split('/', '\\'))
        {
            if (segment == "..")
            {
                _ = path.TryPop(out _);
            }
            else if (segment is not ("" or "."))
            {
                path.Push(segment);
            }
        }

        return [.. path.Reverse()];
    }

    // All that is escaped, however often. ASCII in one pass, for an escape may be made by another that is undone; the rest makes none.
    internal static string Unescaped(string path)
    {
        var text = new char[path.Length];
        var length = 0;
        foreach (var character in path)
        {
            text[length++] = character;
            while (length >= 3 && text[length - 3] == '%' && char.IsAsciiHexDigit(text[length - 1])
                && byte.TryParse(text.AsSpan(length - 2, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) && value < 0x80)
            {
                length -= 2;
                text[length - 1] = (char)value;
            }
        }

        return Uri.UnescapeDataString(text.AsSpan(0, length));
    }
}
