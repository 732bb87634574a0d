using Connectors.Provider.Processes;
using Connectors.Testing;

namespace Connectors.Provider.Tests.Processes;

/// <summary>The end of processes with all that came from them, wherever that has gone.</summary>
public sealed class ReaperTests
{
    private const int Count = 60;

    [Fact]
    public async Task Many_that_are_ended_at_once_share_the_looks_at_what_runs_here_and_leave_nobody()
    {
        var mark = Mark(1);
        var all = await StartAsync(Count, $"sleep {mark} & setsid sleep {mark} & env -i setsid sleep {mark} & exec sleep {mark}");
        await Eventually.HoldsAsync(() => Sleeping(mark) == 4 * Count, () => $"all sleep; {Sleeping(mark)} do");

        var before = Reaper.Looks;
        await Task.WhenAll(all.Select(process => process.EndAsync()));
        var looks = Reaper.Looks - before;

        await Eventually.HoldsAsync(() => Sleeping(mark) == 0, "nobody is left");
        Assert.InRange(looks, 1, Count - 1);
        all.ForEach(process => process.Dispose());
    }

    [Fact]
    public async Task Who_left_the_session_of_a_process_that_has_exited_ends_soon_and_nobody_elses_does()
    {
        var (gone, other) = (Mark(2), Mark(3));
        var all = await StartAsync(1, $"setsid sleep {gone} &");
        var others = await StartAsync(1, $"setsid sleep {other} & exec sleep {other}");
        await all[0].ExitedAsync(CancellationToken.None);
        await Eventually.HoldsAsync(() => Sleeping(gone) == 1 && Sleeping(other) == 2, "all sleep");

        all[0].EndLeftovers();
        all[0].Dispose();

        await Eventually.HoldsAsync(() => Sleeping(gone) == 0, "it ends");
        Assert.Equal(2, Sleeping(other));
        await others[0].EndAsync();
        others[0].Dispose();
    }

    private static string Mark(int test) => $"615.{Environment.ProcessId:D7}{test}";

    private static async Task<List<ProcessGroup>> StartAsync(int count, string script)
    {
        var plan = new ProcessPlan(
            [Tool.SetPriv, "--pdeathsig", "KILL", Tool.SetSid, Tool.Shell, "-c", script],
            "/",
            new Dictionary<string, string> { ["PATH"] = Environment.GetEnvironmentVariable("PATH")! },
            EndsAsOne: false);
        return [.. (await Task.WhenAll(Enumerable.Range(0, count).Select(_ => ProcessGroup.StartAsync(plan)))).Select(process => process!)];
    }

    // Whoever was to leave its session has done so, and none that has ended and waits for its parent counts.
    private static int Sleeping(string mark) =>
        Directory.EnumerateDirectories("/proc").Count(folder => int.TryParse(Path.GetFileName(folder), out _) && CommandOf(folder) == $"sleep\0{mark}\0");

    private static string CommandOf(string folder)
    {
        try
        {
            return File.ReadAllText(Path.Combine(folder, "cmdline"));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
