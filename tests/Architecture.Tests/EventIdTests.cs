using System.Text.RegularExpressions;

namespace Connectors.Architecture.Tests;

public partial class EventIdTests
{
    [Fact]
    public void An_event_of_the_logs_has_an_id_of_its_own()
    {
        var shared = Repository.Files("Log.cs")
            .SelectMany(file => Event().Matches(File.ReadAllText(file)).Select(match => (Id: match.Groups[1].Value, File: Repository.Relative(file))))
            .GroupBy(one => one.Id)
            .Where(id => id.Count() > 1)
            .Select(id => $"{id.Key}: {string.Join(", ", id.Select(one => one.File))}");

        Assert.Empty(shared);
    }

    [GeneratedRegex(@"\[LoggerMessage\((\d+)")]
    private static partial Regex Event();
}
