using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Connectors.Gateway.Provider.Remote;

/// <summary><c>/system/info</c> with what a remote provider says of itself.</summary>
internal sealed class RemoteInfo(ProviderPages pages)
{
    public async Task AnswerAsync(HttpContext caller)
    {
        if (await pages.GetAsync(caller, "/system/info") is { } page)
        {
            await GatewayInfo.AnswerAsync(caller, page.Status == HttpStatusCode.OK ? TryParse(page.Text) : null);
        }
    }

    private static JsonObject? TryParse(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text, OddJson.Options);

            // A provider that is a gateway itself wraps what its own provider says.
            var info = document.RootElement;
            return OddJson.Property(info, "provider") is { ValueKind: JsonValueKind.Object } inner ? Read(inner) : info.ValueKind == JsonValueKind.Object ? Read(info) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static JsonObject Read(JsonElement info)
    {
        var known = new JsonObject();
        foreach (var (name, value) in OddJson.Properties(info))
        {
            if (TryRead(value, out var node))
            {
                known[name] = node;
            }
        }

        return known;
    }

    // What cannot be written again costs its own key.
    private static bool TryRead(JsonElement value, out JsonNode? node)
    {
        try
        {
            node = JsonNode.Parse(value.GetRawText());
            return node?.ToJsonString() is not null || value.ValueKind == JsonValueKind.Null;
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException)
        {
            node = null;
            return false;
        }
    }
}
