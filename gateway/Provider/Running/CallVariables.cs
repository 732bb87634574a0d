using System.Globalization;
using System.Net;
using System.Text;
using Connectors.Provider.Contracts;
using Connectors.Provider.Isolation;
using Connectors.Sdk.Invocation;

namespace Connectors.Provider.Running;

/// <summary>
/// The variables of one call, as OpenFaaS's classic watchdog names them: <c>X-Call-Id: 7</c> is <c>Http_X_Call_Id=7</c>. Callers choose headers, and the
/// function's libraries read variables as they please: what means something else to them is never set.
/// </summary>
internal static class CallVariables
{
    // What the watchdog itself says of a call; no header may say it instead.
    private static readonly string[] Own =
        ["Http_Method", "Http_Path", "Http_Query", "Http_Host", "Http_ContentLength", "Http_Content_Length", "Http_Transfer_Encoding"];

    public static void Add(IDictionary<string, string> variables, HttpRequest request, FunctionPath path)
    {
        // X_Name and X-Name would be one variable: the one with hyphens is meant, whatever stands first.
        foreach (var (name, values) in request.Headers.OrderBy(header => header.Key.Contains('_', StringComparison.Ordinal) ? 0 : 1))
        {
            var variable = $"Http_{Canonical(name)}";
            if (!HopByHop.Contains(name) && !IsProxy(name) && !Own.Contains(variable, StringComparer.OrdinalIgnoreCase))
            {
                Set(variable, values.Count > 0 ? values[0] : "");
            }
        }

        Set("Http_Method", request.Method);
        Set("Http_Path", path.Rest.Length > 0 ? Decoded(path.Rest) : "/");
        Set("Http_Query", path.Query);
        Set("Http_Host", request.Host.Value);

        // As Go has them: a body without a length comes in chunks, and a request without either has none.
        var isChunked = request.Headers.TransferEncoding.Count > 0;
        var length = (request.ContentLength ?? (isChunked ? -1 : 0)).ToString(CultureInfo.InvariantCulture);
        Set("Http_ContentLength", length);
        Set("Http_Content_Length", length);
        Set("Http_Transfer_Encoding", isChunked ? "chunked" : null);

        // A name with = in it would be another variable's, and NUL ends a value.
        void Set(string name, string? value)
        {
            if (!string.IsNullOrEmpty(value) && !name.Contains('=', StringComparison.Ordinal) && !value.Contains('\0', StringComparison.Ordinal))
            {
                variables[name] = EnvironmentBytes.ToText(Encoding.Latin1.GetBytes(value));
            }
        }
    }

    // Each escape is its byte, and a plus is a plus. With its slashes, a path may have dot segments that it had not before (a%2F..%2Fb), and functions take it for a file's.
    private static string Decoded(string path)
    {
        var bytes = Encoding.Latin1.GetBytes(path.Replace("+", "%2B", StringComparison.Ordinal));
        return FunctionPath.WithoutDots(Encoding.Latin1.GetString(WebUtility.UrlDecodeToBytes(bytes, 0, bytes.Length)));
    }

    // Http_Proxy is where many libraries, without regard to case, learn of the proxy for their own requests, and Http_Proxy_… where some learn more of it.
    private static bool IsProxy(string name) => name.Replace('_', '-') is var plain
        && (plain.Equals("Proxy", StringComparison.OrdinalIgnoreCase) || plain.StartsWith("Proxy-", StringComparison.OrdinalIgnoreCase));

    // Go's canonical form, which functions know: x-call-id and X-CALL-ID are both X_Call_Id.
    private static string Canonical(string name) => string.Create(name.Length, name, static (to, from) =>
    {
        for (var i = 0; i < from.Length; i++)
        {
            var isFirst = i == 0 || from[i - 1] == '-';
            to[i] = from[i] == '-' ? '_' : isFirst ? char.ToUpperInvariant(from[i]) : char.ToLowerInvariant(from[i]);
        }
    });
}
