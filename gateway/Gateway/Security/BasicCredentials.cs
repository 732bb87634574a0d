using System.Security.Cryptography;
using System.Text;
using Connectors.Sdk.Hosting;

namespace Connectors.Gateway.Security;

/// <summary>Compares credentials in a time that tells nothing of them.</summary>
internal static class BasicCredentials
{
    /// <summary>Whether an <c>Authorization</c> header holds the gateway's own credentials; never while those are missing.</summary>
    public static bool Match(string? authorization, GatewayCredentials credentials)
    {
        if (credentials.Header is not { } expected || authorization is null || !authorization.StartsWith("Basic ", StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        // Both sides are hashed, so that not even the length shows.
        return CryptographicOperations.FixedTimeEquals(
            SHA256.HashData(Encoding.Latin1.GetBytes(authorization["Basic ".Length..].Trim())),
            SHA256.HashData(Encoding.Latin1.GetBytes(expected.Parameter ?? "")));
    }
}
