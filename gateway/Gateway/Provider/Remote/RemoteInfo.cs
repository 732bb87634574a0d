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
            // A provider that is a gateway itself wraps what its own provider says.
            var info = JsonNode.Parse(text) as JsonObject;
            return info?["provider"] is JsonObject inner ? inner.DeepClone().AsObject() : info;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
