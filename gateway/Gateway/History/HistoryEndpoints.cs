using Connectors.Gateway.Enqueueing;
using Connectors.Gateway.Queues;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.Gateway.History;

/// <summary>What became of calls: a page of those that ended, and one by its id.</summary>
internal sealed class HistoryEndpoints(NatsLink link, HistoryReader reader, HistoryOptions history, GatewayOptions options, TimeProvider time)
{
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(10);

    public Task ListAsync(HttpContext http) => GuardAsync(http, async ct =>
    {
        if (TryFilter(http, out var filter, out var after, out var limit) is { } fault)
        {
            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, fault);
            return;
        }

        await Answer.JsonAsync(http, StatusCodes.Status200OK, await reader.ReadAsync(filter, after, limit, ct), HistoryJson.Default.CallPage);
    });

    public Task ShowAsync(HttpContext http) => GuardAsync(http, async ct =>
    {
        var callId = CallId.Of(http, (string?)http.Request.RouteValues["id"] ?? "");
        if (!CallQuery.TryScope(http, options.DefaultNamespace, out var function, out var queue, out var fault))
        {
            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, fault);
            return;
        }

        var stories = CallId.IsOne(callId) ? await reader.FindAsync(callId, queue, function, ct) : new CallStories(callId, []);
        await (stories.Calls.Count > 0
            ? Answer.JsonAsync(http, StatusCodes.Status200OK, stories, HistoryJson.Default.CallStories)
            : Answer.TextAsync(http, StatusCodes.Status404NotFound, "No call of such an id is found: it may have ended too long ago, or wait far behind in a long queue."));
    });

    private async Task GuardAsync(HttpContext http, Func<CancellationToken, Task> answer)
    {
        if (!history.IsOn)
        {
            await Answer.TextAsync(http, StatusCodes.Status404NotFound, "The history is off: history_index_max is 0.");
            return;
        }

        using var limit = new TimeLimit(MaxWait, time, http.RequestAborted);
        await link.OpenAsync(limit.Token);
        await answer(limit.Token);
    }

    // Null, or what is wrong.
    private string? TryFilter(HttpContext http, out CallFilter filter, out PageBegin? after, out int limit)
    {
        (filter, after, limit) = (new CallFilter(), null, 0);
        if (!CallQuery.TryScope(http, options.DefaultNamespace, out var function, out var queue, out var fault))
        {
            return fault;
        }

        if (!CallQuery.TryStates(http, EndStates.OfCalls, out var states, out fault)
            || !CallQuery.TryTimes(http, time, out var since, out var until, out fault)
            || !CallQuery.TryTag(http, out var tag, out fault))
        {
            return fault;
        }

        if (!QueueQuery.TryLimit(http, out limit))
        {
            return $"limit: 1 to {QueueQuery.MaxItems}.";
        }

        if (http.Request.Query["after"].ToString() is { Length: > 0 } next && (after = PageBegin.TryParse(next)) is null)
        {
            return "after: what the page before gave as next.";
        }

        filter = new CallFilter
        {
            Function = function,
            Queue = queue,
            States = states ?? EndStates.OfCalls,
            Since = since,
            Until = until,
            Tag = tag,
        };
        return null;
    }
}
