using System.Text.Encodings.Web;
using System.Text.Json;

namespace Connectors.Cli.Asking;

/// <summary>How JSON is written to standard output: as readable as it came.</summary>
internal static class GatewayJson
{
    public static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
