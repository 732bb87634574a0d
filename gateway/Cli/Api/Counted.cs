using System.Text.Json.Nodes;
using Connectors.Cli.Json;

namespace Connectors.Cli.Api;

/// <summary>How many there are of something.</summary>
/// <param name="Count">So many, or at least so many.</param>
/// <param name="IsComplete">Whether all were looked at.</param>
internal sealed record Counted(long Count, bool IsComplete)
{
    // A gateway of an earlier version counts all.
    public static Counted Of(JsonNode answer) => new(answer.Need("count").As<long>(), answer.Find("isComplete")?.As<bool>() != false);

    public override string ToString() => IsComplete ? $"{Count}" : $"at least {Count}";
}
