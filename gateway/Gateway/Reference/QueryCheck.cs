namespace Connectors.Gateway.Reference;

/// <summary>
/// Refuses a query with a key that its route does not read, and an empty one where something is changed. Both would leave a filter out, and mean everything:
/// <code>
/// DELETE …/calls?fn=resize            a purge of the whole queue
/// DELETE …/dead?function=             where $FUNCTION was not set: all letters
/// </code>
/// </summary>
internal static class QueryCheck
{
    private const int MaxShown = 60;

    public static RequestDelegate Before(Operation operation, RequestDelegate next) => http =>
        Fault(operation, http.Request.Query) is { } fault ? Answer.TextAsync(http, StatusCodes.Status400BadRequest, fault) : next(http);

    /// <summary>What is wrong with a query, in words; null for one that says only what is read.</summary>
    public static string? Fault(Operation operation, IQueryCollection query)
    {
        foreach (var (key, values) in query)
        {
            if (!operation.Reads.Contains(key, StringComparer.OrdinalIgnoreCase))
            {
                var known = operation.Reads is [] ? "no query is read" : $"known are {string.Join(", ", operation.Reads)}";
                return $"\"{Shown(key)}\" is not known here: {known}.";
            }

            if (operation.IsAct && values.Any(string.IsNullOrEmpty))
            {
                return $"{key}: it is empty. What is meant without it is asked for without it.";
            }
        }

        return null;
    }

    // It is the caller's.
    private static string Shown(string key) => string.Concat(key.Take(MaxShown).Select(c => c is > ' ' and < '\x7f' and not '"' ? c : '?'));
}
