using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http.Features;

namespace Connectors.Gateway.Queues;

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
