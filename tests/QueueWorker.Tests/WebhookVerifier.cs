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

        var expected = Encoding.ASCII.GetBytes(Sign(id, timestamp, body));
        return signatures.Split(' ').Any(signature => CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(signature), expected));
    }

    /// <summary>The one signature that this secret makes.</summary>
    public string Sign(string id, string timestamp, byte[] body)
    {
        byte[] signed = [.. Encoding.UTF8.GetBytes(id), (byte)'.', .. Encoding.UTF8.GetBytes(timestamp), (byte)'.', .. body];
        return "v1," + Convert.ToBase64String(HMACSHA256.HashData(Convert.FromBase64String(secret["whsec_".Length..]), signed));
    }
}
