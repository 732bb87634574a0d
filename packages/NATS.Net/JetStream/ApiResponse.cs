using System.Buffers;
using System.Text.Json;
using NATS.Client.Core;
using NATS.Client.JetStream.Models;

namespace NATS.Client.JetStream;

/// <summary>An answer of the API: the wanted thing or an error.</summary>
internal sealed record ApiResponse<T>(T? Value, ApiError? Error)
    where T : class;

internal sealed class ApiResponseDeserializer<T> : INatsDeserialize<ApiResponse<T>>
    where T : class
{
    public static readonly ApiResponseDeserializer<T> Default = new();

    public ApiResponse<T> Deserialize(in ReadOnlySequence<byte> buffer)
    {
        var reader = new Utf8JsonReader(buffer);
        using var document = JsonDocument.ParseValue(ref reader);
        return document.RootElement.TryGetProperty("error", out var error)
            ? new ApiResponse<T>(null, error.Deserialize<ApiError>(JsonApi.Options))
            : new ApiResponse<T>(document.RootElement.Deserialize<T>(JsonApi.Options), null);
    }
}
