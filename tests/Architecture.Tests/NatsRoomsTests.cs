using System.Text.RegularExpressions;

namespace Connectors.Architecture.Tests;

/// <summary>Types of the NATS client stay in the rooms that docs/architecture.md names.</summary>
public partial class NatsRoomsTests
{
    private static readonly string[] Product = ["gateway", "queue-worker", "connectors", "connector-sdk"];

    [Fact]
    public void The_client_is_used_in_the_named_rooms_alone()
    {
        var page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "architecture.md"));
        var sentence = page.Split('\n').Single(line => line.StartsWith("Types of the NATS client are used in these rooms", StringComparison.Ordinal));
        var named = Room().Matches(sentence).Select(m => m.Groups[1].Value).Order();
        var used = Repository.Files("*.cs")
            .Where(file => File.ReadAllText(file).Contains("using NATS.", StringComparison.Ordinal))
            .Select(file => Path.GetDirectoryName(Path.GetRelativePath(Repository.Root, file))!)
            .Where(room => Product.Contains(room.Split('/')[0]))
            .Distinct()
            .Order()
            .ToList();

        Assert.NotEmpty(used);
        Assert.Equal(named, used);
    }

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Room();
}
