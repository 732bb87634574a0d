namespace Connectors.Testing.Tests;

public class ChildProcessTests
{
    [Fact]
    public async Task Outlives_the_thread_that_started_it()
    {
        ChildProcess? started = null;
        using var running = new ManualResetEventSlim();
        var thread = new Thread(() =>
        {
            started = ChildProcess.Start("sh", ["-c", "while :; do echo alive; sleep 0.02; done"]);
            running.Wait();
        });
        thread.Start();
        await Eventually.HoldsAsync(() => started?.Lines.Count > 0, "it runs");
        await using var child = started!;

        running.Set();
        thread.Join();
        var lines = child.Lines.Count;
        await Eventually.HoldsAsync(() => child.HasExited || child.Lines.Count > lines + 5, "it goes on writing");

        Assert.False(child.HasExited);
    }

    [Fact]
    public async Task Tells_its_exit_code_and_its_last_lines()
    {
        await using var child = ChildProcess.Start("sh", ["-c", "echo out; echo err >&2; exit 3"]);

        Assert.Equal(3, await child.ExitAsync());
        Assert.Equal(["err", "out"], child.Lines.Order());
    }

    [Fact]
    public async Task Ends_by_each_signal()
    {
        await using var stubborn = ChildProcess.Start("sh", ["-c", "trap 'echo asked; exit 7' TERM; echo up; while :; do sleep 0.02; done"]);
        await stubborn.LineAsync(line => line == "up", "it is up");
        Assert.Equal(7, await stubborn.TerminateAsync());
        Assert.Contains("asked", stubborn.Lines);

        await using var killed = ChildProcess.Start("sleep", ["1000"]);
        await killed.KillAsync();
        Assert.Equal(128 + 9, killed.ExitCode);
    }

    [Fact]
    public async Task A_line_that_cannot_come_any_more_is_not_waited_for()
    {
        await using var child = ChildProcess.Start("sh", ["-c", "echo bad option; exit 2"]);

        var fault = await Assert.ThrowsAsync<InvalidOperationException>(() => child.LineAsync(line => line == "ready", "it is ready"));

        Assert.Contains("bad option", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Its_end_is_seen_while_what_it_started_still_runs()
    {
        await using var child = ChildProcess.Start("sh", ["-c", "sleep 60 & exit 4"]);

        Assert.Equal(4, await child.ExitAsync());
    }

    [Fact]
    public async Task Sees_nothing_of_our_environment_when_bare()
    {
        Environment.SetEnvironmentVariable("ours", "seen");
        await using var child = ChildProcess.Start("sh", ["-c", "echo [$ours][$theirs]"], new Dictionary<string, string> { ["theirs"] = "given" }, bare: true);

        await child.ExitAsync();

        Assert.Equal("[][given]", Assert.Single(child.Lines));
    }
}
