using System.Security.Cryptography;
using System.Text;
using Connectors.Sdk.Hosting;

namespace Connectors.Gateway.Security;

/// <summary>Compares credentials in a time that tells nothing of them.</summary>
internal static class BasicCredentials
{
    /// <summary>Who an <c>Authorization</c> header says that its sender is; empty if it does not say so. Only for the log.</summary>
    public static string UserOf(string? authorization)
    {
        Span<byte> text = stackalloc byte[512];
        return authorization?.StartsWith("Basic ", StringComparison.OrdinalIgnoreCase) == true && Convert.TryFromBase64String(authorization["Basic ".Length..].Trim(), text, out var length)
            ? Encoding.UTF8.GetString(text[..length]).Split(':')[0]
            : "";
    }

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
