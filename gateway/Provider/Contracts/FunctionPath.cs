using Connectors.Sdk.Invocation;
using Microsoft.AspNetCore.Http.Features;

namespace Connectors.Provider.Contracts;

/// <summary>What the address of a call says, byte for byte as the caller sent it.</summary>
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
        if (!function.IsValid)
        {
            return null;
        }

        var (path, query) = Split(http.Features.Get<IHttpRequestFeature>()!.RawTarget);

        // Routed by the decoded path without dot segments. Where the bytes sent name another function than the route, the route is right.
        var start = prefix + name;
        if (!path.StartsWith(start, StringComparison.Ordinal) || (path.Length > start.Length && path[start.Length] != '/'))
        {
            path = http.Request.Path.ToUriComponent();
        }

        return new FunctionPath(function, path, path[Math.Min(start.Length, path.Length)..], query);
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
