using System.Text.Json.Nodes;

namespace Connectors.Cli.Redrives;

/// <summary>A redrive as the gateway shows it, in words.</summary>
internal sealed record RedriveProgress(JsonNode Job)
{
    public bool IsRunning => State == "running";

    public bool IsDone => State == "done";

    public string State => (string)Job["state"]!;

    public string Counts => $"{Job["redriven"]} redriven, {Job["skipped"]} skipped";

    /// <summary>Where it is: letters are numbered as they died, with gaps where others were removed.</summary>
    public string Place => $"at letter {Job["position"]} of {Job["last"]}";

    public string? Fault => (string?)Job["error"];
}
