using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Connectors.Cli.Json;

/// <summary>JSON on standard output: as readable as it came.</summary>
internal static class ReadableJson
{
    private static readonly JsonSerializerOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Text(JsonNode json) => json.ToJsonString(Options);
}
