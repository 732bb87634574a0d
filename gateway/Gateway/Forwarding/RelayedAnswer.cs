using System.Net.Http.Headers;
using Connectors.Sdk.Invocation;
using Microsoft.Extensions.Primitives;

namespace Connectors.Gateway.Forwarding;

/// <summary>A server's answer as it goes back: its status, and its headers in place of those of the same name already set.</summary>
internal static class RelayedAnswer
{
    public static void CopyHead(HttpResponseMessage answer, HttpContext caller, RelayRules rules)
    {
        caller.Response.StatusCode = (int)answer.StatusCode;
        Copy(answer.Headers.NonValidated, caller.Response.Headers);
        Copy(answer.Content.Headers.NonValidated, caller.Response.Headers);
        if (rules.GuessesContentType && caller.Response.ContentType is null && answer.Content.Headers.ContentLength != 0)
        {
            caller.Response.ContentType = caller.Request.ContentType ?? "text/plain";
        }
    }

    private static void Copy(HttpHeadersNonValidated from, IHeaderDictionary to)
    {
        foreach (var (name, values) in from)
        {
            if (!HopByHop.Contains(name))
            {
                to[name] = values.Count == 1 ? Clean(values.ToString()) : new StringValues([.. values.Select(Clean)]);
            }
        }
    }

    // A server may send what our own refuses to write; the rest of the answer is not lost for it.
    private static string Clean(string value) =>
        value.AsSpan().IndexOfAnyInRange('\0', '\x1f') < 0 && !value.Contains('\x7f') ? value : string.Concat(value.Where(c => (c >= ' ' && c != '\x7f') || c == '\t'));
}
