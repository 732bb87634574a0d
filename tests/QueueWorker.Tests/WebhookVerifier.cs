using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Connectors.QueueWorker.Tests;

/// <summary>A receiver's check of Standard Webhooks signatures, written from the specification and sharing nothing with the signer.</summary>
public sealed class WebhookVerifier(string secret)
{
    public static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(5);

    /// <summary>Whether one of the signatures is of this secret and the timestamp is near <paramref name="now"/>.</summary>
    public bool Verifies(string id, string timestamp, string signatures, byte[] body, DateTimeOffset now)
    {
        if (!long.TryParse(timestamp, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            || (now - DateTimeOffset.FromUnixTimeSeconds(seconds)).Duration() > Tolerance)
        {
            return false;
        }

        byte[] signed = [.. Encoding.UTF8.GetBytes(id), (byte)'.', .. Encoding.UTF8.GetBytes(timestamp), (byte)'.', .. body];
        var expected = HMACSHA256.HashData(Convert.FromBase64String(secret["whsec_".Length..]), signed);
        return signatures.Split(' ').Select(part => part.Split(',', 2)).Any(
            part => part is ["v1", var value] && CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(value), Encoding.ASCII.GetBytes(Convert.ToBase64String(expected))));
    }
}
