using System.Globalization;
using System.Text.RegularExpressions;

namespace Connectors.Architecture.Tests;

public partial class LogEventTests
{
    [Fact]
    public void An_event_of_the_logs_has_an_id_of_its_own()
    {
        var events = Repository.Files("Log.cs")
            .SelectMany(file => Event().Matches(File.ReadAllText(file)).Select(match => (Id: match.Groups[1].Value, File: Repository.Relative(file))))
            .ToList();
        var shared = events
            .GroupBy(one => one.Id)
            .Where(id => id.Count() > 1)
            .Select(id => $"{id.Key}: {string.Join(", ", id.Select(one => one.File))}");

        Assert.Empty(shared);
        Assert.InRange(events.Count, 150, int.MaxValue);
    }

    // Each is one that the test above sees.
    [Fact]
    public void Events_of_the_logs_stand_in_the_files_for_them_and_name_their_ids_first()
    {
        var unseen = from file in Repository.Files("*.cs").Where(file => !file.Contains("/tests/Architecture.Tests/", StringComparison.Ordinal))
                     let text = File.ReadAllText(file)
                     let seen = Path.GetFileName(file) == "Log.cs" ? Event().Count(text) : 0
                     where Any().Count(text) != seen
                     select Repository.Relative(file);

        Assert.Empty(unseen);
    }

    [Fact]
    public void Events_of_the_logs_stand_in_the_order_of_their_ids()
    {
        var astray = from file in Repository.Files("Log.cs")
                     let ids = Event().Matches(File.ReadAllText(file)).Select(match => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)).ToList()
                     where !ids.SequenceEqual(ids.Order())
                     select Repository.Relative(file);

        Assert.Empty(astray);
    }

    // A reason is one of a few words, or what an operator said.
    [Fact]
    public void The_text_of_a_failure_is_called_error_in_every_line()
    {
        var otherwise = from file in Repository.Files("Log.cs")
                        from line in Otherwise().Matches(File.ReadAllText(file))
                        select $"{Repository.Relative(file)} {line.Groups[1].Value}";

        Assert.Equal(
            ["connectors/cron/Log.cs BadSchedule", "gateway/Gateway/Log.cs DeadLettersDeleted", "gateway/Gateway/Log.cs Paused", "queue-worker/Log.cs Dead", "queue-worker/Log.cs Paused"],
            otherwise.Order(StringComparer.Ordinal));
    }

    [GeneratedRegex(@"static partial void (\w+)\([^;]*?\bstring\?? (?:reason|cause|why)\b[^;]*;")]
    private static partial Regex Otherwise();

    [GeneratedRegex(@"\[LoggerMessage\((?:EventId = )?(\d+)")]
    private static partial Regex Event();

    [GeneratedRegex(@"\[LoggerMessage\b")]
    private static partial Regex Any();
}
