using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Provider.Remote;

/// <summary>The provider's list of functions with <c>invocationCount</c> from the gateway's own counters; every other key as the provider sent it.</summary>
internal sealed class RemoteCounts(GatewayOptions options, ProviderPages pages)
{
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

        if (TryParse(page.Text) is not { } functions)
        {
            await Answer.TextAsync(caller, StatusCodes.Status500InternalServerError, "The provider's list of functions is no JSON array.");
            return;
        }

        foreach (var function in functions.OfType<JsonObject>())
        {
            var name = new FunctionName((string?)function["name"] ?? "", (string?)function["namespace"] ?? options.DefaultNamespace);
            function["invocationCount"] = Metrics.InvocationsOf(name);
        }

        caller.Response.ContentType = "application/json";
        await caller.Response.WriteAsync(functions.ToJsonString());
    }

    private static JsonArray? TryParse(string text)
    {
        try
        {
            return JsonNode.Parse(text) as JsonArray;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
