namespace Connectors.Architecture.Tests;

/// <summary>The README's table "Beside others" knows what there is here.</summary>
public class ComparisonTests
{
    [Fact]
    public void No_connector_of_this_tree_is_told_to_be_missing()
    {
        var rows = File.ReadAllLines(Path.Combine(Repository.Root, "README.md")).SkipWhile(line => line != "## Beside others").TakeWhile(line => line != "## How fast")
            .Where(line => line.StartsWith("| ", StringComparison.Ordinal)).Select(line => line.Split('|', StringSplitOptions.TrimEntries)).ToList();

        var connectors = Directory.GetDirectories(Path.Combine(Repository.Root, "connectors")).Select(Path.GetFileName).ToList();
        Assert.InRange(connectors.Count, 4, int.MaxValue);
        Assert.All(connectors, connector =>
            Assert.NotEqual("–", Assert.Single(rows, row => row[1].Contains(connector!, StringComparison.OrdinalIgnoreCase))[2]));
    }
}
