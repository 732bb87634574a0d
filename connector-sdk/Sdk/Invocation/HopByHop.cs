using System.Collections.Frozen;

namespace Connectors.Sdk.Invocation;

/// <summary>Headers that concern one connection only and never travel on (openfaas-spec 1.6, RFC 9110 7.6.1).</summary>
public static class HopByHop
{
    private static readonly FrozenSet<string> Names = new[]
    {
        "Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailer", "Transfer-Encoding", "Upgrade",
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether a header of that name stays on its connection.</summary>
    public static bool Contains(string name) => Names.Contains(name);
}
