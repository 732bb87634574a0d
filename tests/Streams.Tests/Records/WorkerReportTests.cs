using System.Text;
using Connectors.Streams.Records;

namespace Connectors.Streams.Tests.Records;

/// <summary>In which messages a worker tells what it has in hand.</summary>
public sealed class WorkerReportTests
{
    [Fact]
    public void What_fits_is_one_message_as_older_readers_know_it()
    {
        var report = new WorkerReport
        {
            Worker = "w",
            Running = new Dictionary<string, long> { ["a.ns"] = 1 },
            Delayed = new Dictionary<string, long> { ["a.ns"] = 2, ["b.ns"] = 3 },
        };

        var message = Assert.Single(report.Encode(1_000));

        Assert.Equal("""{"worker":"w","running":{"a.ns":1},"delayed":{"a.ns":2,"b.ns":3}}""", Encoding.UTF8.GetString(message));
    }

    [Theory]
    [InlineData(200)]
    [InlineData(1_000)]
    [InlineData(8_000)]
    public void What_does_not_is_told_in_parts_that_add_up(int maxBytes)
    {
        var report = Of(running: 150, delayed: 500);

        var messages = report.Encode(maxBytes);

        Assert.InRange(messages.Count, 2, 500);
        Assert.All(messages, message => Assert.InRange(message.Length, 1, maxBytes));
        var parts = messages.Select(message => WorkerReport.TryDecode(message)!).ToList();
        Assert.Equal(Enumerable.Range(0, parts.Count).Select(part => ("w", part, parts.Count)), parts.Select(part => (part.Worker, part.Part, part.Parts)));
        Assert.Equal(report.Running.OrderBy(one => one.Key, StringComparer.Ordinal), parts.SelectMany(part => part.Running).OrderBy(one => one.Key, StringComparer.Ordinal));
        Assert.Equal(report.Delayed.OrderBy(one => one.Key, StringComparer.Ordinal), parts.SelectMany(part => part.Delayed).OrderBy(one => one.Key, StringComparer.Ordinal));
    }

    // That it cannot be published is logged.
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void What_cannot_be_divided_is_one_message_however_large(int functions) =>
        Assert.Single(Of(running: 0, delayed: functions).Encode(10));

    [Fact]
    public void Of_too_many_functions_those_are_named_whose_calls_run_and_then_those_with_most_calls()
    {
        var delayed = Of(running: 0, delayed: WorkerReport.MaxFunctions + 500).Delayed.ToDictionary();
        (delayed["many"], delayed["zzz"]) = (2, 1);
        var report = new WorkerReport { Worker = "w", Running = new Dictionary<string, long> { ["zzz"] = 1 }, Delayed = delayed };

        var parts = report.Encode(100_000).Select(message => WorkerReport.TryDecode(message)!).ToList();

        Assert.Equal(WorkerReport.MaxFunctions, parts.Sum(part => part.Delayed.Count));
        Assert.Single(parts, part => part.Running.ContainsKey("zzz") && part.Delayed.ContainsKey("zzz"));
        Assert.Single(parts, part => part.Delayed.ContainsKey("many"));
    }

    internal static WorkerReport Of(int running, int delayed) => new()
    {
        Worker = "w",
        Running = Enumerable.Range(0, running).ToDictionary(i => $"function-{i}.openfaas-fn", i => 1L + (i % 3)),
        Delayed = Enumerable.Range(0, delayed).ToDictionary(i => $"function-{i}.openfaas-fn", _ => 1L),
    };
}
