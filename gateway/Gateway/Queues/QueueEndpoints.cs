using System.Globalization;
using Connectors.Gateway.Enqueueing;
using Connectors.Gateway.Security;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Queues;

/// <summary>What lies in queues, and the removal of waiting calls.</summary>
internal sealed class QueueEndpoints(NatsLink link, QueueOverview overview, GatewayOptions options)
{
    public async Task ListAsync(HttpContext http)
    {
        await link.OpenAsync(options.Queue.PublishTimeout, http.RequestAborted);
        await Answer.JsonAsync(http, StatusCodes.Status200OK, await overview.ListAsync(http.RequestAborted), QueuesJson.Default.IReadOnlyListQueueCounts);
    }

    public async Task ShowAsync(HttpContext http, string queue)
    {
        await link.OpenAsync(options.Queue.PublishTimeout, http.RequestAborted);
        await (await overview.FindAsync(queue, http.RequestAborted) is { } stats
            ? Answer.JsonAsync(http, StatusCodes.Status200OK, stats, QueuesJson.Default.QueueStats)
            : Answer.TextAsync(http, StatusCodes.Status404NotFound, $"There is no queue {queue}."));
    }

    public async Task PurgeAsync(HttpContext http, string queue)
    {
        if (!QueueQuery.TryFunction(http, options.DefaultNamespace, out var function))
        {
            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, QueueQuery.FunctionRule);
            return;
        }

        await link.OpenAsync(options.Queue.PublishTimeout, http.RequestAborted);
        if (!await overview.ExistsAsync(queue, http.RequestAborted))
        {
            await Answer.TextAsync(http, StatusCodes.Status404NotFound, $"There is no queue {queue}.");
            return;
        }

        var purged = 0L;
        try
        {
            await foreach (var some in overview.PurgeAsync(queue, function, http.RequestAborted))
            {
                purged += some;
            }
        }
        finally
        {
            Acts.Counted(http, purged);
        }

        await Answer.JsonAsync(http, StatusCodes.Status200OK, new Purged(purged), QueuesJson.Default.Purged);
    }
}

/// <summary>What the Queues API's queries may say.</summary>
internal static class QueueQuery
{
    public const string TimeRule = "an RFC 3339 time such as 2026-01-02T03:04:05Z, or how long ago, such as 90m";

    public const string FunctionRule = "function: a function's name, or name.namespace.";

    /// <summary>False if it names no function; null for none given.</summary>
    public static bool TryFunction(HttpContext http, string defaultNamespace, out FunctionName? function) =>
        TryFunction(http.Request.Query["function"].ToString(), defaultNamespace, out function);

    /// <summary>False for what is no number; <paramref name="fallback"/> for none given.</summary>
    public static bool TryNumber(string? text, ulong fallback, out ulong number)
    {
        number = fallback;
        return string.IsNullOrEmpty(text) || (ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number < ulong.MaxValue);
    }

    /// <summary>False for what is no time, nor how long ago; null for none given.</summary>
    public static bool TryTime(string? text, TimeProvider time, out DateTimeOffset? at)
    {
        at = null;
        if (string.IsNullOrEmpty(text))
        {
            return true;
        }

        var now = time.GetUtcNow();
        if (GoDuration.TryParse(text, out var ago))
        {
            at = ago < now - DateTimeOffset.MinValue ? now - ago : DateTimeOffset.MinValue;
            return true;
        }

        var isTime = DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var read);
        at = isTime ? read : null;
        return isTime;
    }

    public static bool TryFunction(string? text, string defaultNamespace, out FunctionName? function)
    {
        function = string.IsNullOrEmpty(text) ? null : FunctionName.Parse(text, defaultNamespace);
        return function is null or { IsValid: true };
    }
}
