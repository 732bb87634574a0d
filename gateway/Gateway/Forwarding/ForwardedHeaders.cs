using System.Net;
using Connectors.Sdk.Invocation;

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

        if (!headers.ContainsKey(ForwardedFor) && http.Connection.RemoteIpAddress is { } address)
        {
            headers[ForwardedFor] = new IPEndPoint(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, http.Connection.RemotePort).ToString();
        }
    }
}
