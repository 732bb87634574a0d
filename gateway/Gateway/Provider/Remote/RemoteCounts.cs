using System.Buffers;
using System.Net;
using System.Text.Json;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Provider.Remote;

/// <summary>
/// The provider's list of functions with <c>invocationCount</c> from the gateway's own counters; every other key as the provider sent it. What cannot be read is left
/// out: it would keep clients from reading the list.
/// </summary>
internal sealed class RemoteCounts(GatewayOptions options, ProviderPages pages)
{
    private const string Count = "invocationCount";

    public async Task AnswerAsync(HttpContext caller)
    {
        if (await pages.GetAsync(caller, "/system/functions" + caller.Request.QueryString) is not { } page)
        {
            return;
        }

        if (page.Status != HttpStatusCode.OK)
        {
            await Answer.TextAsync(caller, (int)page.Status, page.Text);
            return;
        }

        if (TryCount(page.Text) is not { } functions)
        {
            await Answer.TextAsync(caller, StatusCodes.Status500InternalServerError, "The provider's list of functions is no JSON array.");
            return;
        }

        caller.Response.ContentType = "application/json";
        await caller.Response.Body.WriteAsync(functions.WrittenMemory);
    }

    private ArrayBufferWriter<byte>? TryCount(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text, OddJson.Options);
            return OddJson.Entries(document.RootElement) is { } entries ? WithCounts(entries) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private ArrayBufferWriter<byte> WithCounts(IEnumerable<JsonElement> entries)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartArray();
            foreach (var entry in entries)
            {
                if (ListedFunction.Read(entry, out var readable).Status is { } function)
                {
                    Write(writer, readable, new FunctionName(function.Name, function.Namespace ?? options.DefaultNamespace));
                }
            }

            writer.WriteEndArray();
        }

        return buffer;
    }

    private static void Write(Utf8JsonWriter writer, JsonElement function, FunctionName name)
    {
        writer.WriteStartObject();
        foreach (var (key, value) in OddJson.Properties(function))
        {
            if (key != Count)
            {
                OddJson.Copy(writer, key, value);
            }
        }

        writer.WriteNumber(Count, Metrics.InvocationsOf(name));
        writer.WriteEndObject();
    }
}
