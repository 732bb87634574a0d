using Connectors.Gateway.Enqueueing;
using Connectors.Gateway.Queues;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Gateway.History;

/// <summary>The words of a filter of calls, in a query. Each is false for what cannot be read, and says why; null stands for what is not given.</summary>
internal static class CallQuery
{
    public static bool TryScope(HttpContext http, string defaultNamespace, out FunctionName? function, out string? queue, out string fault)
    {
        queue = http.Request.Query["queue"].ToString() is { Length: > 0 } name ? name : null;
        if (!QueueQuery.TryFunction(http, defaultNamespace, out function))
        {
            fault = QueueQuery.FunctionRule;
            return false;
        }

        fault = $"queue: {StreamNames.QueueRule}.";
        return queue is null || StreamNames.QueueName().IsMatch(queue);
    }

    public static bool TryStates(HttpContext http, IReadOnlyList<string> known, out IReadOnlyList<string>? states, out string fault)
    {
        fault = $"state: one or more of {string.Join(", ", known)}, separated by commas.";
        var given = http.Request.Query["state"].ToString();
        var named = given.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Distinct().ToList();
        states = named.Count > 0 ? named : null;
        return named.All(known.Contains) && (states is not null || given.Length == 0);
    }

    public static bool TryTimes(HttpContext http, TimeProvider time, out DateTimeOffset? since, out DateTimeOffset? until, out string fault)
    {
        var query = http.Request.Query;
        fault = $"since, until: {QueryTime.Rule}.{QueryTime.Hint(query["since"], query["until"])}";
        until = null;
        return QueryTime.TryRead(query["since"], time, out since) && QueryTime.TryRead(query["until"], time, out until);
    }

    public static bool TryTag(HttpContext http, out string? tag, out string fault)
    {
        fault = CallTags.TagRule;
        tag = http.Request.Query["tag"].ToString() is { Length: > 0 } text ? text : null;
        return tag is null || CallTags.IsTag(tag);
    }
}
