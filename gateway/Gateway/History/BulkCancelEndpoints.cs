using Connectors.Gateway.Enqueueing;
using Connectors.Gateway.Queues;
using Connectors.Gateway.Security;
using Connectors.Streams.Records;

namespace Connectors.Gateway.History;

/// <summary>Cancels all waiting calls of a kind: one record, by which workers judge the calls that they meet (R24 of docs/delivery-states.md). And counts them before.</summary>
internal sealed class BulkCancelEndpoints(
    Cancellations cancellations, WaitingCalls waiting, QueueOverview overview, GatewayOptions options, TimeProvider time, ILogger<BulkCancelEndpoints> log)
{
    public async Task CountAsync(HttpContext http)
    {
        if (await FilterAsync(http) is not { } filter)
        {
            return;
        }

        await Answer.JsonAsync(http, StatusCodes.Status200OK, await waiting.CountAsync(filter, http.RequestAborted), HistoryJson.Default.WaitingCount);
    }

    public async Task CancelAsync(HttpContext http)
    {
        if (await FilterAsync(http) is not { } filter)
        {
            return;
        }

        if (filter is { Queue: null, Function: null, Tag: null, States: null, Since: null, Until: null } && http.Request.Query["all"] != "true")
        {
            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, "function, queue, state, since, until or tag is needed, or all=true.");
            return;
        }

        var id = await cancellations.CancelManyAsync(filter, http.RequestAborted);
        Log.CallsCancelled(log, id, filter.Queue, filter.Function, filter.States is { } states ? string.Join(',', states) : null, filter.Tag, filter.Since, filter.Until, Acts.Who(http));
        await Answer.JsonAsync(http, StatusCodes.Status202Accepted, new BulkCancelled(id, filter.At.UtcDateTime), HistoryJson.Default.BulkCancelled);
    }

    // Answers by itself if it cannot be read, or names a queue that is not there.
    private async Task<BulkCancellation?> FilterAsync(HttpContext http)
    {
        var (filter, fault) = Read(http);
        if (filter is null)
        {
            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, fault);
            return null;
        }

        if (filter.Queue is { } queue && !await overview.ExistsAsync(queue, http.RequestAborted))
        {
            await QueueRoutes.NoQueueAsync(http, queue);
            return null;
        }

        return filter;
    }

    private (BulkCancellation? Filter, string Fault) Read(HttpContext http)
    {
        if (!CallQuery.TryScope(http, options.DefaultNamespace, out var function, out var queue, out var fault)
            || !CallQuery.TryStates(http, WaitStates.All, out var states, out fault)
            || !CallQuery.TryTimes(http, time, out var since, out var until, out fault)
            || !CallQuery.TryTag(http, out var tag, out fault))
        {
            return (null, fault);
        }

        return (new BulkCancellation { At = time.GetUtcNow(), Queue = queue, Function = function?.ToString(), States = states, Since = since, Until = until, Tag = tag }, "");
    }
}

/// <summary>A cancellation that was made.</summary>
/// <param name="Id">Names it in the log.</param>
/// <param name="At">Calls that came later are not meant.</param>
internal sealed record BulkCancelled(string Id, DateTime At);
