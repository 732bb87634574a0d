using Connectors.Gateway.Tests.Queues;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.Cli.Tests;

/// <summary>list, stats and purge against a real gateway.</summary>
public sealed class QueueTests(Scene scene)
{
    [Fact]
    public async Task List_shows_what_lies_in_each_queue()
    {
        var seed = await QueueAsync();

        var table = (await scene.RunAsync("list")).Succeeds();
        var json = (await scene.RunAsync("list", "--json")).Json;

        Assert.Equal(["QUEUE", "CALLS", "DELAYED", "HELD", "CALLBACKS", "DEAD", "PAUSED"], Words(table.Lines[0]));
        Assert.Contains(table.Lines, line => Words(line) is [var name, "3", "0", "0", "1", "1", "-"] && name == seed.Queue);
        Assert.Empty(table.Error);
        Assert.Equal($$"""{"name":"{{seed.Queue}}","calls":3,"delayed":0,"held":0,"callbacks":1,"dead":1,"paused":null,"pausedFunctions":[],"unreachableFunctions":[]}""", json.AsArray().Single(q => (string)q!["name"]! == seed.Queue)!.ToJsonString());
    }

    [Fact]
    public async Task Stats_shows_one_queue_and_each_functions_share()
    {
        var seed = await QueueAsync();

        var table = (await scene.RunAsync("stats", seed.Queue)).Succeeds();
        var json = (await scene.RunAsync("stats", "--json", seed.Queue)).Json;

        Assert.Contains(table.Lines, line => Words(line) is ["calls", "3"]);
        Assert.Contains(table.Lines, line => Words(line) is ["paused", "-"]);
        Assert.Matches(@"oldest +\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n", table.Out);
        Assert.Contains("\n\nFUNCTION", table.Out, StringComparison.Ordinal);
        Assert.Contains(table.Lines, line => Words(line) is ["two.openfaas-fn", "2", "0", "0", "1", "0", "-"]);
        Assert.Equal(3, (int)json["calls"]!);
        Assert.Equal(3, json["functions"]!.AsArray().Count);
    }

    [Fact]
    public async Task Delayed_lists_calls_whose_time_has_not_come_a_page_at_a_time()
    {
        var seed = await QueueAsync();
        await seed.DelayedAsync(DeadLetterSeed.Call("one") with { CallId = "first" });
        await seed.DelayedAsync(DeadLetterSeed.Call("two") with { CallId = "second" });

        var page = (await scene.RunAsync("delayed", seed.Queue, "--limit", "1")).Succeeds();
        var rest = (await scene.RunAsync("delayed", seed.Queue, "--after", "1", "--json")).Json;

        Assert.Equal(["SEQ", "FUNCTION", "DUE", "SUBMITTED", "BYTES", "CALL", "ID"], Words(page.Lines[0]));
        Assert.Contains(page.Lines, line => Words(line) is ["1", "one.openfaas-fn", .., "first"]);
        Assert.Contains("--after 1", page.Error, StringComparison.Ordinal);
        Assert.Equal("second", (string)Assert.Single(rest.AsArray())!["callId"]!);
    }

    [Fact]
    public async Task Pause_and_resume_say_so_and_the_list_tells_who_and_why()
    {
        var seed = await QueueAsync();

        var paused = (await scene.RunAsync("queue", "pause", seed.Queue, "--reason", "moving house")).Succeeds();
        (await scene.RunAsync("queue", "pause", seed.Queue, "--function", "two")).Succeeds();
        var table = (await scene.RunAsync("queue", "list")).Succeeds();
        var stats = (await scene.RunAsync("stats", seed.Queue)).Succeeds();
        (await scene.RunAsync("queue", "resume", seed.Queue, "--function", "two")).Succeeds();
        var resumed = (await scene.RunAsync("queue", "resume", seed.Queue)).Succeeds();

        Assert.Equal($"{seed.Queue} is paused. What runs goes on to its end.\n", paused.Out);
        Assert.Equal($"{seed.Queue} is not paused.\n", resumed.Out);
        Assert.Matches($@"(?m)^{seed.Queue} .* since \S+Z by \S+@\S+: moving house, two\.openfaas-fn$", table.Out);
        Assert.Matches(@"(?m)^paused +since \S+Z by \S+@\S+: moving house$", stats.Out);
        Assert.Matches(@"(?m)^two\.openfaas-fn .* since \S+Z by \S+@\S+: -$", stats.Out);
        Assert.DoesNotContain("moving house", (await scene.RunAsync("list")).Out, StringComparison.Ordinal);
        (await scene.RunAsync("queue", "pause", "nosuch")).Fails(1, "There is no queue nosuch.");
    }

    [Fact]
    public async Task Top_shows_every_queue_as_it_is_now()
    {
        var seed = await QueueAsync();

        await Eventually.HoldsAsync(
            async () => (await scene.RunAsync("top")).Succeeds().Lines.Any(line => Words(line) is [var name, "3", "0", "0", "0", "0", not "-", _, _, "1", "1", "0", "-", "-"] && name == seed.Queue),
            "the queue is shown with its three waiting calls, a callback and a dead letter");
        var json = (await scene.RunAsync("top", "--once", "--json")).Json;

        Assert.Equal(3, (int)json["queues"]!.AsArray().Single(queue => (string)queue!["name"]! == seed.Queue)!["waiting"]!);

        (await scene.RunAsync("queue", "pause", seed.Queue)).Succeeds();
        await Eventually.HoldsAsync(
            async () => (await scene.RunAsync("top")).Succeeds().Lines.Any(line => line.StartsWith(seed.Queue + " ", StringComparison.Ordinal) && line.EndsWith("all of it", StringComparison.Ordinal)),
            "the queue is shown as paused");
    }

    // As where this machine's clock is five minutes ahead.
    [Fact]
    public async Task Top_tells_ages_by_the_clock_of_the_gateway_that_tells_the_figures()
    {
        var at = TimeProvider.System.GetUtcNow().AddMinutes(-5);
        await using var gateway = await HttpLedger.StartAsync((_, http) => http.Response.WriteAsync(
            $$"""{"at":"{{at:O}}","error":null,"queues":[{"name":"lit","error":null,"waiting":1,"oldestAt":"{{at.AddHours(-3):O}}","paused":null,"heldFunctions":0}]}"""));

        var table = (await scene.RunAsync("top", "--gateway", gateway.Url.AbsoluteUri)).Succeeds();

        Assert.Equal(["lit", "1", "-", "-", "-", "-", "3h0m", "-", "-", "-", "-", "-", "-", "-"], Words(table.Lines[1]));
    }

    [Fact]
    public async Task Purge_removes_the_calls_of_one_function_or_all()
    {
        var seed = await QueueAsync();

        var one = (await scene.RunAsync("purge", seed.Queue, "--function", "two", "--yes")).Succeeds();
        var rest = (await scene.RunAsync("purge", seed.Queue, "-y", "--json")).Json;

        Assert.Equal($"2 waiting, delayed and held calls of two in {seed.Queue} are gone.\n", one.Out);
        Assert.Contains("Repeats with the same Idempotency-Key", one.Error, StringComparison.Ordinal);
        Assert.Equal("""{"purged":1}""", rest.ToJsonString());
        Assert.Equal(1, await seed.CountAsync(StreamNames.Callbacks(seed.Queue)));
        Assert.Equal(1, await seed.CountAsync(StreamNames.Dead(seed.Queue)));
    }

    [Fact]
    public async Task What_a_purge_would_remove_is_counted_as_the_purge_means_it()
    {
        var seed = await QueueAsync();
        await seed.WaitingAsync(DeadLetterSeed.Call("two") with { Namespace = "other" });
        await seed.DelayedAsync(DeadLetterSeed.Call("two"));

        var two = (await scene.RunAsync("purge", seed.Queue, "--function", "two", "--dry-run")).Succeeds();
        var other = (await scene.RunAsync("purge", seed.Queue, "--function", "two.other", "--dry-run", "--json")).Json;
        var all = (await scene.RunAsync("purge", seed.Queue, "--dry-run")).Succeeds();
        var purged = (await scene.RunAsync("purge", seed.Queue, "--function", "two", "--yes", "--json")).Json;

        Assert.Equal($"3 waiting, delayed and held calls of two in {seed.Queue}.\n", two.Out);
        Assert.Equal("""{"count":1}""", other.ToJsonString());
        Assert.Equal($"5 waiting, delayed and held calls of {seed.Queue}.\n", all.Out);
        Assert.Equal("""{"purged":3}""", purged.ToJsonString());
        (await scene.RunAsync("purge", "nosuch", "--dry-run")).Fails(1, "There is no queue nosuch.");
    }

    [Fact]
    public async Task Purge_asks_and_where_nobody_can_answer_it_does_nothing()
    {
        var seed = await QueueAsync();

        (await scene.RunAsync("purge", seed.Queue)).Fails(2, "--yes");

        Assert.Equal(3, await seed.CountAsync(StreamNames.Calls(seed.Queue)));
    }

    [Theory]
    [InlineData("n", 1, 3)]
    [InlineData("y", 0, 0)]
    public async Task On_a_terminal_it_takes_a_yes_or_does_nothing(string answer, int exitCode, int left)
    {
        var seed = await QueueAsync();

        await using var terminal = scene.Operator.Script($"printf '{answer}\\n' | script -qec 'connectors purge {seed.Queue}' /dev/null");
        var ran = await terminal.EndAsync();

        Assert.True(exitCode == ran.ExitCode, $"{ran.ExitCode}: {ran.Out}");
        Assert.Contains($"Remove the waiting, delayed and held calls of {seed.Queue} for good, 3 now? [y/N] ", ran.Out, StringComparison.Ordinal);
        Assert.Contains(exitCode == 0 ? "are gone" : "Nothing was done", ran.Out, StringComparison.Ordinal);
        Assert.Equal(left, await seed.CountAsync(StreamNames.Calls(seed.Queue)));
    }

    [Fact]
    public async Task A_queue_that_is_not_there_is_told_in_the_gateways_words()
    {
        (await scene.RunAsync("stats", "nosuch")).Fails(1, "There is no queue nosuch.");
        (await scene.RunAsync("purge", "nosuch", "--yes")).Fails(1, "There is no queue nosuch.");
        (await scene.RunAsync("dead", "list", "nosuch")).Fails(1, "There is no queue nosuch.");
    }

    // Three calls of two functions, a callback, a dead letter.
    private async Task<DeadLetterSeed> QueueAsync()
    {
        var seed = await scene.SeedAsync();
        await seed.WaitingAsync(DeadLetterSeed.Call("one"));
        await seed.WaitingAsync(DeadLetterSeed.Call("two"));
        await seed.WaitingAsync(DeadLetterSeed.Call("two") with { Priority = Priority.High });
        await seed.TellingAsync(DeadLetterSeed.Call("two"));
        await seed.DeadAsync(DeadLetterSeed.Call("three"));
        return seed;
    }

    private static string[] Words(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
