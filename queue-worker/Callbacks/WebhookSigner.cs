using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Callbacks;

/// <summary>
/// Signs callbacks as Standard Webhooks 1.0.0 says: HMAC-SHA256 over <c>id.timestamp.body</c>, one <c>v1</c> signature for each secret, so that a secret
/// can be changed while receivers still know the old one.
/// </summary>
internal sealed class WebhookSigner(SecretFile secret, TimeProvider time, ILogger<WebhookSigner> log)
{
    public const string SecretName = "callback-secret";

    /// <summary>What a line of it looks like.</summary>
    public const string Form = Prefix + "<base64>";

    private const string Prefix = "whsec_";

    private volatile Keys _keys = new(null, []);

    /// <summary>The headers of one POST; none without a secret.</summary>
    /// <exception cref="IOException">There is one, and it cannot be read or has no usable line.</exception>
    public IEnumerable<Header> Sign(string id, ReadOnlyMemory<byte> body)
    {
        var keys = Current();
        if (keys.Count == 0)
        {
            yield break;
        }

        var timestamp = time.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        yield return new Header("webhook-timestamp", timestamp);
        yield return new Header("webhook-signature", string.Join(' ', keys.Select(key => "v1," + Signature(key, id, timestamp, body.Span))));
    }

    /// <summary>Whether a secret's text has a line that callbacks can be signed with.</summary>
    internal static bool HasKey(string? text) => LinesOf(text).Any(line => Key(line) is not null);

    internal static string Signature(byte[] key, string id, string timestamp, ReadOnlySpan<byte> body)
    {
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key);
        hmac.AppendData(Encoding.UTF8.GetBytes($"{id}.{timestamp}."));
        hmac.AppendData(body);
        return Convert.ToBase64String(hmac.GetHashAndReset());
    }

    private IReadOnlyList<byte[]> Current()
    {
        var text = secret.Value;
        var keys = _keys;
        if (!ReferenceEquals(text, keys.Text))
        {
            _keys = keys = Read(text);
        }

        // Whoever wrote one wants signatures: perhaps it is still being written.
        return text is null || keys.All.Count > 0 ? keys.All : throw new IOException($"{secret.Path} has no line of the form {Form}");
    }

    private Keys Read(string? text)
    {
        var keys = new List<byte[]>();
        foreach (var line in LinesOf(text))
        {
            if (Key(line) is { } key)
            {
                keys.Add(key);
            }
            else
            {
                Log.SecretUnusable(log, SecretName);
            }
        }

        return new Keys(text, keys);
    }

    private static string[] LinesOf(string? text) => (text ?? "").Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    private static byte[]? Key(string line)
    {
        try
        {
            return line.StartsWith(Prefix, StringComparison.Ordinal) && Convert.FromBase64String(line[Prefix.Length..]) is { Length: > 0 } key ? key : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private sealed record Keys(string? Text, IReadOnlyList<byte[]> All);
}
