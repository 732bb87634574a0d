using Microsoft.AspNetCore.Http.Features;

namespace Connectors.Gateway.Enqueueing;

/// <summary>A call's id, which a caller may choose.</summary>
internal static class CallId
{
    private const int MaxLength = 256;

    /// <summary>Whether a text can be one: it must stand in a header, and as a segment of a path, where dots alone mean something else.</summary>
    public static bool IsOne(string text) =>
        text.Length is > 0 and <= MaxLength && text is not ("." or "..") && !text.AsSpan().ContainsAnyExceptInRange('!', '~');

    /// <summary>
    /// The id that a request's path ends with, from the target as it was sent: an id may hold a slash or a percent sign, which are escaped there and only half
    /// unescaped in the route.
    /// </summary>
    public static string Of(HttpContext http, string otherwise)
    {
        var path = http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget.Split('?')[0];
        var segment = path[(path.LastIndexOf('/') + 1)..];
        return segment.Length > 0 ? Uri.UnescapeDataString(segment) : otherwise;
    }
}
