using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Connectors.Gateway.Security;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Microsoft.AspNetCore.Http.Features;

namespace Connectors.Gateway.Queues;

/// <summary>What lies in queues, and the removal of waiting calls.</summary>
internal sealed class QueueEndpoints(NatsLink link, QueueOverview overview, QueuePurge purge, GatewayOptions options)
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

        await link.OpenAsync(options.Queue.PublishTimeout, http.RequestAborted);
        await (await overview.ExistsAsync(queue, http.RequestAborted) ? act(function) : Answer.TextAsync(http, StatusCodes.Status404NotFound, $"There is no queue {queue}."));
    }
}

/// <summary>What the Queues API's queries may say.</summary>
internal static class QueueQuery
{
    public static readonly string FunctionRule = $"function: a function's name, or name.namespace, neither part longer than {FunctionName.MaxQueuedLength} characters.";

    /// <summary>False if it names no function; null for none given.</summary>
    public static bool TryFunction(HttpContext http, string defaultNamespace, out FunctionName? function) =>
        TryFunction(http.Request.Query["function"].ToString(), defaultNamespace, out function);

    /// <summary>False for what is no number; <paramref name="fallback"/> for none given.</summary>
    public static bool TryNumber(string? text, ulong fallback, out ulong number)
    {
        number = fallback;
        return string.IsNullOrEmpty(text) || (ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number < ulong.MaxValue);
    }

    /// <summary>The same of a text. What is too long for a subject is refused as well: over it the server would end the connection, and with it what others wait for.</summary>
    public static bool TryFunction(string? text, string defaultNamespace, out FunctionName? function)
    {
        function = string.IsNullOrEmpty(text) ? null : FunctionName.Parse(text, defaultNamespace);
        return function is null or { IsValid: true, IsShort: true };
    }
}

/// <summary>What the Queues API's bodies may be.</summary>
internal static class QueueBody
{
    // Names, reasons and times.
    private const int MaxBytes = 64 * 1024;

    /// <summary>The JSON of a request, <paramref name="none"/> where there is no body. One that is too long ends where all requests do, as 413.</summary>
    /// <exception cref="JsonException">It is something else.</exception>
    public static async Task<T?> ReadAsync<T>(HttpContext http, JsonTypeInfo<T> type, T none)
        where T : class
    {
        if (http.Request.ContentLength is 0 or null && !http.Request.Headers.ContainsKey("Transfer-Encoding"))
        {
            return none;
        }

        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = MaxBytes;
        }

        return await JsonSerializer.DeserializeAsync(http.Request.Body, type, http.RequestAborted);
    }
}
