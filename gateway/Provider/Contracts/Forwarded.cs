using System.Net;

namespace Connectors.Provider.Contracts;

/// <summary>Who sent a call: <c>X-Forwarded-Host</c> and <c>X-Forwarded-For</c>, which functions of every kind see.</summary>
public static class Forwarded
{
    /// <summary>Those of the two that the caller's request lacks, with their values.</summary>
    public static IEnumerable<(string Name, string Value)> Missing(HttpContext caller)
    {
        var headers = caller.Request.Headers;
        if (!headers.ContainsKey("X-Forwarded-Host") && caller.Request.Host is { HasValue: true, Value: { } host })
        {
            yield return ("X-Forwarded-Host", host);
        }

        if (!headers.ContainsKey("X-Forwarded-For") && caller.Connection is { RemoteIpAddress: { } address, RemotePort: var port })
        {
            yield return ("X-Forwarded-For", new IPEndPoint(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, port).ToString());
        }
    }
}
