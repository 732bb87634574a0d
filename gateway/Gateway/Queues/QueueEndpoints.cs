using Connectors.Gateway.Security;
using Connectors.Sdk.Invocation;

namespace Connectors.Gateway.Queues;

/// <summary>What lies in queues, and the removal of waiting calls.</summary>
internal sealed class QueueEndpoints(QueueOverview overview, QueuePurge purge, GatewayOptions options)
{
    public async Task ListAsync(HttpContext http) =>
        await Answer.JsonAsync(http, StatusCodes.Status200OK, await overview.ListAsync(http.RequestAborted), QueuesJson.Default.IReadOnlyListQueueCounts);

    public async Task ShowAsync(HttpContext http, string queue) => await (await overview.FindAsync(queue, http.RequestAborted) is { } stats
        ? Answer.JsonAsync(http, StatusCodes.Status200OK, stats, QueuesJson.Default.QueueStats)
        : QueueRoutes.NoQueueAsync(http, queue));

    /// <summary>How many calls a purge would remove now.</summary>
    public Task CountAsync(HttpContext http, string queue) => OfFunctionAsync(http, queue, async function =>
        await Answer.JsonAsync(http, StatusCodes.Status200OK, new PurgeCount(await purge.CountAsync(queue, function, http.RequestAborted)), QueuesJson.Default.PurgeCount));

    public Task PurgeAsync(HttpContext http, string queue) => OfFunctionAsync(http, queue, async function =>
    {
        var purged = 0L;
        try
        {
            await foreach (var some in purge.RunAsync(queue, function, http.RequestAborted))
            {
                purged += some;
            }
        }
        finally
        {
            Acts.Counted(http, purged);
        }

        await Answer.JsonAsync(http, StatusCodes.Status200OK, new Purged(purged), QueuesJson.Default.Purged);
    });

    // Answers by itself if the function cannot be read, or there is no such queue.
    private async Task OfFunctionAsync(HttpContext http, string queue, Func<FunctionName?, Task> act)
    {
        if (!QueueQuery.TryFunction(http, options.DefaultNamespace, out var function))
        {
            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, QueueQuery.FunctionRule);
            return;
        }

        await (await overview.ExistsAsync(queue, http.RequestAborted) ? act(function) : QueueRoutes.NoQueueAsync(http, queue));
    }
}
