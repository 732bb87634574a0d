using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Connectors.Client;

/// <summary>
/// Tells whether a callback comes from a queue-worker that knows one of our secrets: Standard Webhooks 1.0.0, HMAC-SHA256 over
/// <c>webhook-id.webhook-timestamp.body</c>.
/// <code>
/// var verifier = new CallbackVerifier(File.ReadAllLines("callback-secret"));
/// if (!verifier.Verifies(headers["webhook-id"], headers["webhook-timestamp"], headers["webhook-signature"], body)) return 401;
/// </code>
/// </summary>
public sealed class CallbackVerifier
{
    private const string SecretPrefix = "whsec_";
    private const string SignaturePrefix = "v1,";

    private readonly byte[][] _secrets;
    private readonly TimeProvider _time;

    /// <summary>A verifier with the secrets that count now: two of them while one replaces the other.</summary>
    /// <param name="secrets">Each <c>whsec_</c> and base64; empty lines are passed over.</param>
    /// <param name="time">The clock that a callback's age is taken by; the system's unless given.</param>
    /// <exception cref="ArgumentException">There is no secret, or one has another form. The message does not tell it.</exception>
    public CallbackVerifier(IEnumerable<string> secrets, TimeProvider? time = null)
    {
        _secrets = [.. secrets.Select(secret => secret.Trim()).Where(secret => secret.Length > 0).Select(BytesOf)];
        _time = time ?? TimeProvider.System;
        if (_secrets.Length == 0)
        {
            throw new ArgumentException("There is no secret: give at least one.", nameof(secrets));
        }
    }

    /// <summary>How far a timestamp may be from now, in either direction; 5 minutes unless set.</summary>
    public TimeSpan Tolerance { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Whether one of the signatures is made with one of the secrets, over exactly this body, and lately.</summary>
    /// <param name="id">The header <c>webhook-id</c>: the same in every repeat of one callback.</param>
    /// <param name="timestamp">The header <c>webhook-timestamp</c>, in Unix seconds.</param>
    /// <param name="signatures">The header <c>webhook-signature</c>.</param>
    /// <param name="body">The body, byte for byte.</param>
    public bool Verifies(string? id, string? timestamp, string? signatures, ReadOnlySpan<byte> body)
    {
        if (id is null || signatures is null || !long.TryParse(timestamp, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            || Math.Abs(_time.GetUtcNow().ToUnixTimeSeconds() - (double)seconds) > Tolerance.TotalSeconds)
        {
            return false;
        }

        var theirs = signatures.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Encoding.UTF8.GetBytes).ToList();
        var head = Encoding.UTF8.GetBytes($"{id}.{timestamp}.");
        foreach (var secret in _secrets)
        {
            using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, secret);
            hash.AppendData(head);
            hash.AppendData(body);
            var ours = Encoding.ASCII.GetBytes(SignaturePrefix + Convert.ToBase64String(hash.GetHashAndReset()));
            if (theirs.Exists(one => CryptographicOperations.FixedTimeEquals(one, ours)))
            {
                return true;
            }
        }

        return false;
    }

    private static byte[] BytesOf(string secret)
    {
        var bytes = new byte[secret.Length];
        return secret.StartsWith(SecretPrefix, StringComparison.Ordinal) && Convert.TryFromBase64String(secret[SecretPrefix.Length..], bytes, out var length) && length > 0
            ? bytes[..length]
            : throw new ArgumentException($"A secret has another form than {SecretPrefix}<base64>.");
    }
}
