using System.Text;
using Connectors.Sdk.Hosting;
using Connectors.Testing;
using Microsoft.Extensions.Logging;

namespace Connectors.Sdk.Tests.Hosting;

public class LogLinesTests
{
    [Fact]
    public async Task Lines_of_many_writers_are_written_whole_and_in_the_order_of_each()
    {
        const int Writers = 8;
        const int Lines = 2_000;
        using var output = new Shared();
        using (var lines = new LogLines(new LogLineFormatter(TimeProvider.System, LogEncoding.Console), output))
        {
            await Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Factory.StartNew(
                () =>
                {
                    for (var line = 0; line < Lines; line++)
                    {
                        Say(lines, $"w{writer}-{line}.");
                    }
                },
                TestContext.Current.CancellationToken,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default)));
        }

        // The end waits for two seconds, in which a slow machine may not have written it all.
        await Eventually.HoldsAsync(() => Written().Count >= Writers * Lines, () => $"all is written; {Written().Count} lines are");
        var written = Written();
        Assert.Equal(Writers * Lines, written.Count);
        for (var writer = 0; writer < Writers; writer++)
        {
            Assert.Equal(Enumerable.Range(0, Lines).Select(line => $"w{writer}-{line}."), written.Where(line => line.StartsWith($"w{writer}-", StringComparison.Ordinal)));
        }

        List<string> Written() => [.. Encoding.UTF8.GetString(output.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')[2])];
    }

    [Fact]
    public async Task What_was_logged_before_the_end_is_written_and_what_is_logged_after_it_too()
    {
        using var output = new Shared();
        var lines = new LogLines(new LogLineFormatter(TimeProvider.System, LogEncoding.Console), output);
        Say(lines, "before");

        lines.Dispose();
        Say(lines, "after");

        // The end waits for two seconds, after which a slow machine may still be writing.
        await Eventually.HoldsAsync(() => Written().Contains("after", StringComparison.Ordinal), "what was logged after the end is written");
        Assert.Contains("before", Written(), StringComparison.Ordinal);

        string Written() => Encoding.UTF8.GetString(output.ToArray());
    }

    [Fact]
    public async Task Nobody_waits_for_an_output_that_stands_still_and_the_lines_dropped_are_told_of()
    {
        const int Lines = 100;
        using var output = new StandingStill();
        using (var lines = new LogLines(new LogLineFormatter(TimeProvider.System, LogEncoding.Console), output))
        {
            // More than is kept; with an output that is waited for this would not end.
            for (var line = 0; line < Lines; line++)
            {
                Say(lines, new string('x', 100_000));
            }

            output.GoOn();
        }

        // The end waits for two seconds, after which a slow machine may still be writing. Then each line is written, or counted by one that tells of it.
        await Eventually.HoldsAsync(() => Known() >= Lines, () => $"none is missing; {Known()} of {Lines} are written or told of");
        Assert.Contains(Written(), IsOfDropped);

        static bool IsOfDropped(string line) => line.Contains("Log lines were dropped", StringComparison.Ordinal);

        string[] Written() => Encoding.UTF8.GetString(output.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries);

        int Known() => Written().Sum(line => IsOfDropped(line) ? int.Parse(line.Split("\"lines\":")[1].TrimEnd('}')) : 1);
    }

    private static void Say(LogLines lines, string text) => lines.Log(LogLevel.Information, default, text, null, (state, _) => state);

    // Read while it may still be written.
    private class Shared : MemoryStream
    {
        // Guards the bytes.
        private readonly Lock _gate = new();

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            lock (_gate)
            {
                base.Write(buffer);
            }
        }

        public override byte[] ToArray()
        {
            lock (_gate)
            {
                return base.ToArray();
            }
        }
    }

    private sealed class StandingStill : Shared
    {
        private readonly ManualResetEventSlim _may = new();

        public void GoOn() => _may.Set();

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            _may.Wait();
            base.Write(buffer);
        }

        protected override void Dispose(bool disposing)
        {
            _may.Dispose();
            base.Dispose(disposing);
        }
    }
}
