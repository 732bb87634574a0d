using System.Globalization;
using Connectors.Provider.Contracts;

namespace Connectors.Provider.Running;

/// <summary>The variables of one call, as the classic watchdog names them.</summary>
internal static class CallVariables
{
    public static void Add(IDictionary<string, string> variables, HttpRequest request, FunctionPath path)
    {
        foreach (var (name, values) in request.Headers)
        {
            Set($"Http_{Canonical(name)}", values.Count > 0 ? values[0] : "");
        }

        Set("Http_Method", request.Method);
        Set("Http_Path", path.Rest.Length > 0 ? path.Rest : "/");
        Set("Http_Query", path.Query);
        Set("Http_Host", request.Host.Value);
        if (request.ContentLength is { } length)
        {
            Set("Http_ContentLength", length.ToString(CultureInfo.InvariantCulture));
            Set("Http_Content_Length", length.ToString(CultureInfo.InvariantCulture));
        }

        // A name with = in it would be another variable's, and NUL ends a value.
        void Set(string name, string? value)
        {
            if (!string.IsNullOrEmpty(value) && !name.Contains('=', StringComparison.Ordinal) && !value.Contains('\0', StringComparison.Ordinal))
            {
                variables[name] = value;
            }
        }
    }

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
