using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Connectors.Provider.Contracts;
using Microsoft.AspNetCore.Http.Features;

namespace Connectors.Provider.Api;

/// <summary>Reads a JSON body of the deploy API.</summary>
internal static class RequestJson
{
    private const int MaxBytes = 1024 * 1024;

    /// <summary>Null means that the body is not what it should be, and that the caller has been told.</summary>
    public static async Task<T?> ReadAsync<T>(HttpContext http, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            http.Features.Get<IHttpMaxRequestBodySizeFeature>()!.MaxRequestBodySize = MaxBytes;
            if (await JsonSerializer.DeserializeAsync(http.Request.Body, type, http.RequestAborted) is { } value)
            {
                return value;
            }

            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, "The body is not the JSON expected: null instead of an object.");
        }
        catch (JsonException fault)
        {
            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, Describe(fault));
        }
        catch (BadHttpRequestException fault) when (fault.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            await Answer.TextAsync(http, fault.StatusCode, $"The body is larger than {MaxBytes} bytes.");
        }

        return null;
    }

    // A path of $ alone is the document's: no field can be named.
    private static string Describe(JsonException fault) => fault.Path is { Length: > 2 } path && path.StartsWith("$.", StringComparison.Ordinal)
        ? $"{path[2..]}: is not of the kind of JSON expected there (line {fault.LineNumber + 1}, byte {fault.BytePositionInLine + 1})"
        : $"The body is not the JSON expected: {fault.Message}";
}
