using System.Globalization;
using Microsoft.Extensions.Primitives;

namespace Connectors.Gateway.Security;

/// <summary>
/// The page's cookie. Whoever looks for a session and whoever keeps it from functions read it in the same way: a pair ends at a semicolon and nowhere else, as browsers
/// write them. By a comma or a space, the value of a cookie that a function has set would become a session.
/// </summary>
internal static class SessionCookie
{
    private const string Name = "connectors_session";

    // No others: a byte that elsewhere counts as white space belongs to a browser's cookie, whose name is another one then.
    private static readonly char[] Blanks = [' ', '\t'];

    /// <summary>
    /// Its name where a request was sent to, which ends in the port if the address has one: browsers keep cookies by host alone, and of two gateways on one host each
    /// login would end the other's session.
    /// </summary>
    public static string NameFor(HttpRequest request) => request.Host.Port is { } port ? string.Create(CultureInfo.InvariantCulture, $"{Name}_{port}") : Name;

    /// <summary>Whether a request has one, of any port, also of a session that has ended: the next login is in the same browser.</summary>
    public static bool IsIn(IHeaderDictionary request) =>
        request.Cookie.ToString().Contains(Name, StringComparison.OrdinalIgnoreCase) && Pairs(request).Any(IsOne);

    /// <summary>What a request has for sessions, in its order.</summary>
    public static IEnumerable<string> ValuesIn(HttpRequest request)
    {
        var begin = NameFor(request) + "=";
        return Pairs(request.Headers).Where(pair => pair.StartsWith(begin, StringComparison.Ordinal)).Select(pair => pair[begin.Length..]);
    }

    /// <summary>Takes those of all ports out of a request.</summary>
    public static void TakeFrom(IHeaderDictionary request)
    {
        if (!IsIn(request))
        {
            return;
        }

        var rest = Pairs(request).Where(pair => !IsOne(pair)).ToList();
        request.Cookie = rest.Count > 0 ? string.Join("; ", rest) : default(StringValues);
    }

    /// <summary>
    /// Whether a pair, or a line that sets one, is it, of any port, however a browser may read that: browsers trim a name, and send "=a=b" back as "a=b". In any case, though sessions
    /// are read in one.
    /// </summary>
    public static bool IsOne(string? cookie) =>
        cookie.AsSpan().TrimStart("= \t") is var pair && pair.StartsWith(Name, StringComparison.OrdinalIgnoreCase)
        && (pair[Name.Length..] is ['_', ..] || pair[Name.Length..].TrimStart() is [] or ['=' or ';', ..]);

    private static IEnumerable<string> Pairs(IHeaderDictionary request) =>
        request.Cookie.SelectMany(line => (line ?? "").Split(';')).Select(pair => pair.Trim(Blanks)).Where(pair => pair.Length > 0);
}
