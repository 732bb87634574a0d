using System.Globalization;
using Connectors.Gateway.Enqueueing;
using Connectors.Gateway.Queues;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.Gateway.History;

/// <summary>What became of calls: a page of those that ended, and one by its id.</summary>
internal sealed class HistoryEndpoints(NatsLink link, HistoryReader reader, HistoryOptions history, GatewayOptions options, TimeProvider time)
{
    private const int DefaultLimit = 100;
    private const int MaxItems = 1000;
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
        (filter, after, limit) = (new CallFilter(), null, DefaultLimit);
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

        var query = http.Request.Query;
        if (query["limit"].ToString() is { Length: > 0 } max && (!int.TryParse(max, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > MaxItems))
        {
            return $"limit: 1 to {MaxItems}.";
        }

        if (query["after"].ToString() is { Length: > 0 } next && (after = PageBegin.TryParse(next)) is null)
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

/// <summary>The history below <c>/system/calls</c> (docs/history.md).</summary>
internal static class HistoryRoutes
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        var history = routes.ServiceProvider.GetRequiredService<HistoryEndpoints>();
        var options = routes.ServiceProvider.GetRequiredService<QueueOptions>();
        routes.MapGet("/system/calls", http => QueueRoutes.GuardAsync(http, options, history.ListAsync));
        var cancels = routes.ServiceProvider.GetRequiredService<BulkCancelEndpoints>();
        routes.MapPost("/system/calls/cancellations", http => QueueRoutes.GuardAsync(http, options, cancels.CancelAsync));
        routes.MapGet("/system/calls/cancellations/count", http => QueueRoutes.GuardAsync(http, options, cancels.CountAsync));
        routes.MapGet("/system/calls/{id}", http => QueueRoutes.GuardAsync(http, options, history.ShowAsync));
    }
}

internal static class HistoryHosting
{
    public static void AddHistory(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<CallIndex>();
        builder.Services.AddSingleton<LiveCalls>();
        builder.Services.AddSingleton<WaitingCalls>();
        builder.Services.AddSingleton<BulkCancelEndpoints>();
        builder.Services.AddSingleton<HistoryReader>();
        builder.Services.AddSingleton<HistoryEndpoints>();
        builder.Services.AddDuty<HistoryFollower>("history");
    }
}
