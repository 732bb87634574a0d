using Connectors.Sdk.Invocation;
using Microsoft.AspNetCore.Http.Features;

namespace Connectors.Provider.Contracts;

/// <summary>What the address of a call says, byte for byte as the caller sent it, but for dot segments, which are resolved, and bytes that may not stand in an address, which are percent-encoded.</summary>
/// <param name="Function">The function.</param>
/// <param name="Path">The whole path.</param>
/// <param name="Rest">What follows the function's name, with its leading slash; empty for none.</param>
/// <param name="Query">The query without its question mark.</param>
public readonly record struct FunctionPath(FunctionName Function, string Path, string Rest, string Query)
{
    /// <summary>Path and query as sent on.</summary>
    public string PathAndQuery => Query.Length > 0 ? $"{Path}?{Query}" : Path;

    /// <summary>Reads the address of a request below <paramref name="prefix"/>, such as <c>/function/</c>; null if it names no function.</summary>
    public static FunctionPath? Of(HttpContext http, string prefix, string defaultNamespace)
    {
        if (http.Request.RouteValues["name"] is not string name)
        {
            return null;
        }

        var function = FunctionName.Parse(name, defaultNamespace);
        if (function is not { IsValid: true, IsShort: true })
        {
            return null;
        }

        var (path, query) = Split(RequestTarget.Of(http.Features.Get<IHttpRequestFeature>()!.RawTarget));
        var rest = RestOf(WithoutDots(path));
        return new FunctionPath(function, prefix + name + rest, rest, query);
    }

    // The route was found by the decoded path without dot segments, so the bytes sent have the same two segments in front, however they are written.
    private static string RestOf(string path)
    {
        var name = path.IndexOf('/', 1);
        var rest = name < 0 ? -1 : path.IndexOf('/', name + 1);
        return rest < 0 ? "" : path[rest..];
    }

    // RFC 3986 5.2.4. Passed on with them, a path such as /../../async-function/f would be resolved by whoever gets it next, and lead out of its function.
    internal static string WithoutDots(string path)
    {
        if (!path.Contains("/.", StringComparison.Ordinal) && !path.Contains("%2e", StringComparison.OrdinalIgnoreCase))
        {
            return path;
        }

        var kept = new List<string>();
        var segments = path.Split('/')[1..];
        for (var i = 0; i < segments.Length; i++)
        {
            var dots = segments[i].Replace("%2e", ".", StringComparison.OrdinalIgnoreCase);
            if (dots == ".." && kept.Count > 0)
            {
                kept.RemoveAt(kept.Count - 1);
            }

            if (dots is not ("." or ".."))
            {
                kept.Add(segments[i]);
            }
            else if (i == segments.Length - 1)
            {
                kept.Add("");
            }
        }

        return "/" + string.Join('/', kept);
    }

    private static (string Path, string Query) Split(string target)
    {
        var scheme = target.IndexOf("://", StringComparison.Ordinal);
        if (!target.StartsWith('/') && scheme > 0)
        {
            var slash = target.IndexOf('/', scheme + 3);
            target = slash < 0 ? "/" : target[slash..];
        }

        var question = target.IndexOf('?', StringComparison.Ordinal);
        return question < 0 ? (target, "") : (target[..question], target[(question + 1)..]);
    }
}
