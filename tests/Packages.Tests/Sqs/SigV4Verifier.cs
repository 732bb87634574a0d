using System.Security.Cryptography;
using System.Text;
using Connectors.Testing;

namespace Connectors.Packages.Tests.Sqs;

/// <summary>
/// Checks an AWS Signature Version 4 from nothing but what went over the wire and the secret. Written from the published description and checked on
/// the published vector, so that the SDK's signing is not judged by the SDK.
/// </summary>
internal static class SigV4Verifier
{
    public static bool Verify(RecordedRequest request, string secret)
    {
        var claim = Claim.Of(request.Header("Authorization")!);
        var timestamp = request.Header("X-Amz-Date")!;
        var toSign = $"AWS4-HMAC-SHA256\n{timestamp}\n{claim.Scope}\n{Hash(Encoding.UTF8.GetBytes(Canonical(request, claim)))}";
        var expected = Convert.ToHexStringLower(Hmac(Key(secret, claim.Scope), toSign));
        return timestamp.StartsWith(claim.Scope.Split('/')[0], StringComparison.Ordinal)
            && CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(expected), Encoding.ASCII.GetBytes(claim.Signature));
    }

    private static string Canonical(RecordedRequest request, Claim claim)
    {
        var query = request.Query.Split('&', StringSplitOptions.RemoveEmptyEntries).Select(p => p.Contains('=', StringComparison.Ordinal) ? p : p + "=");
        var headers = claim.SignedHeaders.Split(';').Select(name => $"{name}:{request.Header(name)!.Trim()}\n");
        return string.Join(
            '\n',
            request.Method,
            string.Join('/', request.Path.Split('/').Select(Uri.EscapeDataString)),
            string.Join('&', query.Order(StringComparer.Ordinal)),
            string.Concat(headers),
            claim.SignedHeaders,
            Hash(request.Body));
    }

    private static byte[] Key(string secret, string scope) =>
        scope.Split('/').Aggregate(Encoding.UTF8.GetBytes("AWS4" + secret), Hmac);

    private static byte[] Hmac(byte[] key, string text) => HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text));

    private static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    /// <param name="Scope">Date, region, service and terminator, with slashes between.</param>
    private sealed record Claim(string Scope, string SignedHeaders, string Signature)
    {
        public static Claim Of(string authorization)
        {
            var fields = authorization[(authorization.IndexOf(' ', StringComparison.Ordinal) + 1)..]
                .Split(',', StringSplitOptions.TrimEntries)
                .Select(f => f.Split('=', 2))
                .ToDictionary(f => f[0], f => f[1]);
            var credential = fields["Credential"];
            return new Claim(credential[(credential.IndexOf('/', StringComparison.Ordinal) + 1)..], fields["SignedHeaders"], fields["Signature"]);
        }
    }
}
