using System.Text.Json.Nodes;
using Connectors.Cli.Json;

namespace Connectors.Cli.Printing;

/// <summary>A list as one JSON array, an item a line; each is written as soon as it is there.</summary>
internal static class JsonList
{
    public static async Task WriteAsync(Session session, IAsyncEnumerable<JsonNode> items)
    {
        var before = "[";
        await foreach (var item in items)
        {
            session.Out.Write($"{before}\n{ReadableJson.Text(item)}");
            before = ",";
        }

        session.Out.WriteLine(before == "[" ? "[]" : "\n]");
    }
}
