using System.Collections.Frozen;
using Microsoft.Extensions.Primitives;

namespace Connectors.Sdk.Invocation;

/// <summary>Headers that concern one connection only and never travel on: a fixed set, and those that the message's own <c>Connection</c> names (RFC 9110 7.6.1).</summary>
public static class HopByHop
{
    private static readonly FrozenSet<string> Names = new[]
    {
        "Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailer", "Transfer-Encoding", "Upgrade",
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    private static readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> NamesBySpan = Names.GetAlternateLookup<ReadOnlySpan<char>>();

    private static readonly FrozenSet<string> None = [];

    /// <summary>Whether a header of that name stays on its connection, whatever <c>Connection</c> says.</summary>
    public static bool Contains(string name) => Names.Contains(name);

    /// <summary>The headers that a message's <c>Connection</c> lines name, beside the fixed set; compared without regard to case.</summary>
    /// <param name="connection">The values of those lines.</param>
    public static IReadOnlySet<string> NamedBy(StringValues connection)
    {
        HashSet<string>? named = null;
        foreach (var line in connection)
        {
            foreach (var part in line.AsSpan().Split(','))
            {
                var name = line.AsSpan()[part].Trim();
                if (!name.IsEmpty && !NamesBySpan.Contains(name) && !name.Equals("close", StringComparison.OrdinalIgnoreCase))
                {
                    (named ??= new(StringComparer.OrdinalIgnoreCase)).Add(name.ToString());
                }
            }
        }

        return named ?? (IReadOnlySet<string>)None;
    }

    /// <summary>Whether a message's <c>Connection</c> lines hold a word such as <c>close</c>, in any case.</summary>
    /// <param name="connection">The values of those lines.</param>
    /// <param name="word">The word.</param>
    public static bool Has(StringValues connection, string word)
    {
        foreach (var line in connection)
        {
            foreach (var part in line.AsSpan().Split(','))
            {
                if (line.AsSpan()[part].Trim().Equals(word, StringComparison.OrdinalIgnoreCase))
                {
                    return true;
                }
            }
        }

        return false;
    }
}
