using Connectors.Gateway.Tests;
using Connectors.Gateway.Tests.Queues;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;

namespace Connectors.Cli.Tests;

/// <summary>Redrives of many: the command stays with the job, or leaves it to the gateway.</summary>
[Collection("redrives")]
public sealed class RedriveTests(Scene scene)
{
    // So slow that no such job ends before the test does.
    private const string Slow = "0.5";

    [Fact]
    public async Task It_waits_for_the_end_and_says_what_was_done()
    {
        var seed = await SeedAsync(30);
        await seed.DeadAsync(DeadLetterSeed.Call("other"));

        var ran = (await scene.RunAsync("dead", "redrive", seed.Queue, "--function", "echo", "--reason", "exhausted", "--rate", "1000", "--yes")).Succeeds();
        var rest = (await scene.RunAsync("dead", "redrive", seed.Queue, "--yes", "--json")).Json;

        Assert.Equal($"The redrive of {seed.Queue} is done: 30 redriven, 0 skipped.\n", ran.Out);
        Assert.Equal(("done", 1), ((string)rest["state"]!, (int)rest["redriven"]!));
        Assert.Equal(31, await seed.CountAsync(StreamNames.Calls(seed.Queue)));
    }

    [Fact]
    public async Task Its_progress_is_a_line_now_and_then_and_a_cancelled_job_is_a_failure()
    {
        var seed = await SeedAsync(1000);
        await using var redrive = scene.Operator.Start("dead", "redrive", seed.Queue, "--rate", "5", "--yes");

        await redrive.TellsAsync(error => error.Split('\n').Count(line => line.Contains("redriven, 0 skipped, at letter", StringComparison.Ordinal)) >= 2, "two lines of progress");
        var id = redrive.Error.Split(' ')[1].TrimEnd(':');
        var cancelled = (await scene.RunAsync("redrives", "cancel", seed.Queue, id)).Succeeds();
        var ran = await redrive.EndAsync();

        Assert.Matches(@"state +cancelled\n", cancelled.Out);
        Assert.Equal(1, ran.ExitCode);
        Assert.DoesNotContain('\u001b', ran.Error);
        Assert.Matches(@"connectors: The redrive is cancelled at letter \d+ of 1000: \d+ redriven, 0 skipped\.\n$", ran.Error);
    }

    [Fact]
    public async Task On_a_terminal_its_progress_is_one_line_written_again()
    {
        var seed = await SeedAsync(1000);
        await using var terminal = scene.Operator.Script(
            $"script -qefc 'connectors dead redrive {seed.Queue} --rate 20 --yes' {scene.Operator.PathOf(seed.Queue)} < <(sleep 600)");
        string Screen() => File.Exists(scene.Operator.PathOf(seed.Queue)) ? File.ReadAllText(scene.Operator.PathOf(seed.Queue)) : "";

        await Eventually.HoldsAsync(() => Screen().Split("\r").Count(line => line.Contains("redriven, 0 skipped", StringComparison.Ordinal)) >= 3, () => $"progress:\n{Screen()}");

        Assert.DoesNotContain("\n", Screen()[(Screen().IndexOf('\r', StringComparison.Ordinal) + 1)..].TrimEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ctrl_C_leaves_the_job_to_the_gateway_and_says_how_to_look_at_it()
    {
        var seed = await SeedAsync(1000);
        await using var redrive = scene.Operator.Start("dead", "redrive", seed.Queue, "--rate", "2", "--yes");
        await redrive.TellsAsync("redriven, 0 skipped");

        await using var interrupt = ChildProcess.Start("kill", ["-INT", $"{redrive.Id}"]);
        var ran = await redrive.EndAsync();
        var then = await seed.CountAsync(StreamNames.Calls(seed.Queue));
        await Eventually.HoldsAsync(async () => await seed.CountAsync(StreamNames.Calls(seed.Queue)) > then, "the job goes on");
        var id = ran.Error.Split($"connectors redrives show {seed.Queue} ")[1][..32];
        await using var again = scene.Operator.Start("redrives", "show", seed.Queue, id, "--wait");
        await again.TellsAsync($"Redrive {id}: ");
        (await scene.RunAsync("redrives", "cancel", seed.Queue, id)).Succeeds();

        Assert.Equal(130, ran.ExitCode);
        Assert.Contains("The redrive goes on in the gateway.", ran.Error, StringComparison.Ordinal);
        Assert.Equal(1, (await again.EndAsync()).ExitCode);
    }

    [Fact]
    public async Task Without_waiting_it_prints_the_id_by_which_the_job_is_shown_and_cancelled()
    {
        var seed = await SeedAsync(100);

        var id = (await scene.RunAsync("dead", "redrive", seed.Queue, "--rate", Slow, "--yes", "--no-wait")).Succeeds().Out.TrimEnd();
        var other = (await scene.RunAsync("dead", "redrive", seed.Queue, "--function", "nobody", "--yes", "--no-wait", "--json")).Json;
        var shown = (await scene.RunAsync("redrives", "show", seed.Queue, id)).Succeeds();
        var cancelled = (await scene.RunAsync("redrives", "cancel", seed.Queue, id, "--json")).Json;
        var after = (await scene.RunAsync("redrives", "show", seed.Queue, id, "--json")).Json;

        Assert.True(Guid.TryParseExact((string)other["id"]!, "N", out _));
        Assert.Matches(@"state +running\n", shown.Out);
        Assert.Matches(@"per second +0\.5\n", shown.Out);
        Assert.Equal(("cancelled", "cancelled"), ((string)cancelled["state"]!, (string)after["state"]!));
        (await scene.RunAsync("redrives", "show", seed.Queue, Guid.Empty.ToString("N"))).Fails(1, "has no redrive");
    }

    [Fact]
    public async Task A_job_whose_id_nobody_kept_is_found_in_the_list()
    {
        var seed = await SeedAsync(100);
        var none = (await scene.RunAsync("redrives", "list", seed.Queue, "--json")).Json;
        (await scene.RunAsync("dead", "redrive", seed.Queue, "--function", "nobody", "--yes")).Succeeds();
        var id = (await scene.RunAsync("dead", "redrive", seed.Queue, "--function", "echo", "--rate", Slow, "--yes", "--no-wait")).Succeeds().Out.TrimEnd();

        var listed = (await scene.RunAsync("redrives", "list", seed.Queue)).Succeeds();
        (await scene.RunAsync("redrives", "cancel", seed.Queue, id)).Succeeds();
        var after = (await scene.RunAsync("redrives", "list", seed.Queue, "--json")).Json;

        Assert.Empty(none.AsArray());
        Assert.Equal(3, listed.Lines.Length);
        Assert.Matches(@"^ID +STATE +FUNCTION +REASON +REDRIVEN  SKIPPED  STARTED +UPDATED$", listed.Lines[0]);
        Assert.Matches($@"^{id}  running  echo\.openfaas-fn +- +\d+ +0  ", listed.Lines[1]);
        Assert.Matches(@"^[0-9a-f]{32}  done +nobody\.openfaas-fn ", listed.Lines[2]);
        Assert.Equal(["cancelled", "done"], after.AsArray().Select(job => (string)job!["state"]!));
        (await scene.RunAsync("redrives", "list", "nosuch")).Fails(1, "There is no queue nosuch");
    }

    [Fact]
    public async Task A_job_that_stops_at_a_full_queue_is_a_failure_that_says_where()
    {
        var seed = await SeedAsync(5);
        var stream = await scene.JetStream.GetStreamAsync(StreamNames.Calls(seed.Queue));
        await scene.JetStream.UpdateStreamAsync(stream.Info.Config with { MaxMsgs = 3 });

        var ran = await scene.RunAsync("dead", "redrive", seed.Queue, "--yes");

        Assert.Equal(1, ran.ExitCode);
        Assert.Matches(@"connectors: The redrive is stopped at letter \d of 5: \d redriven, 0 skipped\. at \d: .*What is left can be redriven again\.\n$", ran.Error);
    }

    [Fact]
    public async Task It_stays_with_the_job_while_the_gateway_starts_again()
    {
        await using var gateway = await TestGateway.StartAsync(scene.Nats);
        var seed = await SeedAsync(20);
        await using var redrive = scene.Operator.Start(
            "dead", "redrive", seed.Queue, "--rate", "1", "--yes", "-g", gateway.Api.AbsoluteUri, "--password-file", scene.Operator.Write("password", TestGateway.Password));
        await redrive.TellsAsync("redriven, 0 skipped");

        await gateway.Process.KillAsync();
        await gateway.Process.StartAgainAsync();
        var ran = (await redrive.EndAsync()).Succeeds();

        Assert.Matches(@"is done: (19|20) redriven", ran.Out);
        Assert.Equal(20, await seed.CountAsync(StreamNames.Calls(seed.Queue)));
    }

    [Fact]
    public async Task It_redrives_all_only_after_a_yes()
    {
        var seed = await SeedAsync(2);

        (await scene.RunAsync("dead", "redrive", seed.Queue)).Fails(2, "--yes");

        Assert.Equal(2, await seed.CountAsync(StreamNames.Dead(seed.Queue)));
    }

    private async Task<DeadLetterSeed> SeedAsync(int count)
    {
        var seed = await scene.SeedAsync();
        await seed.DeadAsync(count, _ => DeadLetterSeed.Call());
        return seed;
    }
}
