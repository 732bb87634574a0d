using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Connectors.Sdk.Hosting;

namespace Connectors.Provider.Contracts;

/// <summary><c>/system/info</c>: what the provider says of itself inside what the gateway says of itself.</summary>
public static class GatewayInfo
{
    public static JsonObject Embedded => new() { ["provider"] = "connectors", ["version"] = Version(), ["orchestration"] = "processes" };

    /// <summary>faas-cli reads the provider's version without asking whether there is one.</summary>
    public static Task AnswerAsync(HttpContext http, JsonObject? provider)
    {
        provider ??= new JsonObject { ["provider"] = "unknown", ["orchestration"] = "unknown" };
        provider["version"] ??= new JsonObject { ["sha"] = "", ["release"] = "unknown" };
        var info = new JsonObject { ["provider"] = provider, ["version"] = Version(), ["arch"] = Architecture };
        http.Response.ContentType = "application/json";
        return http.Response.WriteAsync(info.ToJsonString());
    }

    private static string Architecture => RuntimeInformation.OSArchitecture switch
    {
        System.Runtime.InteropServices.Architecture.X64 => "x86_64",
        System.Runtime.InteropServices.Architecture.Arm64 => "aarch64",
        var other => other.ToString().ToLowerInvariant(),
    };

    private static JsonObject Version() => new() { ["sha"] = "", ["release"] = CommandLine.Version };
}
