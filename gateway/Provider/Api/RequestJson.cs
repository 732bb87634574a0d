using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Connectors.Provider.Contracts;

namespace Connectors.Provider.Api;

/// <summary>Reads a JSON body of the deploy API.</summary>
internal static class RequestJson
{
    private const int MostBytes = 1024 * 1024;

    /// <summary>Null means that the body is not what it should be, and that the caller has been told.</summary>
    public static async Task<T?> ReadAsync<T>(HttpContext http, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            http.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpMaxRequestBodySizeFeature>()!.MaxRequestBodySize = MostBytes;
            if (await JsonSerializer.DeserializeAsync(http.Request.Body, type, http.RequestAborted) is { } value)
            {
                return value;
            }

            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, "The body is not the JSON expected: null.");
        }
        catch (JsonException fault)
        {
            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, $"The body is not the JSON expected: {fault.Message}");
        }

        return null;
    }
}
