using System.Net;
using Connectors.Sdk.Invocation;
using Microsoft.AspNetCore.Connections.Features;

namespace Connectors.Gateway.Forwarding;

/// <summary>A request's headers as whoever gets it next may see them: none of the caller's connection, and who the caller is.</summary>
internal static class ForwardedHeaders
{
    private const string ForwardedHost = "X-Forwarded-Host";
    private const string ForwardedFor = "X-Forwarded-For";

    /// <summary>
    /// Takes off what <c>Connection</c> names, before the gateway writes anything of its own: otherwise a caller could strike that out. What a proxy in front
    /// of the gateway said of the caller is kept.
    /// </summary>
    public static void Apply(HttpContext http)
    {
        var headers = http.Request.Headers;
        foreach (var name in HopByHop.NamedBy(headers.Connection))
        {
            if (!name.Equals("Host", StringComparison.OrdinalIgnoreCase) && !name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase))
            {
                headers.Remove(name);
            }
        }

        if (!headers.ContainsKey(ForwardedHost) && http.Request.Host.HasValue)
        {
            headers[ForwardedHost] = http.Request.Host.Value;
        }

        if (!headers.ContainsKey(ForwardedFor) && CallerOf(http) is { } caller)
        {
            headers[ForwardedFor] = caller;
        }
    }

    // The same for each request of a connection.
    private static string? CallerOf(HttpContext http)
    {
        if (http.Features.Get<IConnectionItemsFeature>()?.Items is not { } items)
        {
            return Written(http.Connection);
        }

        if (items.TryGetValue(ForwardedFor, out var known))
        {
            return (string?)known;
        }

        var caller = Written(http.Connection);
        items[ForwardedFor] = caller;
        return caller;
    }

    private static string? Written(ConnectionInfo connection) => connection.RemoteIpAddress is { } address
        ? new IPEndPoint(address, connection.RemotePort).ToString()
        : null;
}
