using Connectors.Gateway.Tests.History;
using Connectors.Gateway.Tests.Queues;
using Connectors.Streams.Records;
using Connectors.Testing;

namespace Connectors.Cli.Tests;

/// <summary>calls list, calls show and calls cancel against a real gateway.</summary>
public sealed class HistoryTests(Scene scene)
{
    [Fact]
    public async Task Calls_are_listed_page_after_page_and_one_is_shown_with_its_sends()
    {
        var seed = await new HistorySeed(scene.JetStream, "q" + Guid.NewGuid().ToString("N")[..8]).CreateAsync();
        await seed.WriteManyAsync(1_200, i => HistorySeed.Call("listed", id: $"{seed.Queue}-{i}"));
        await seed.WriteAsync(HistorySeed.Call("shown", EndStates.Dead, $"{seed.Queue}/last", null, "order:1", "eu") with
        {
            Error = "boom",
            Callback = new EndedCallback
            {
                State = CallbackStates.Refused,
                Attempts = 2,
                Status = 410,
                Posts = [new PastAttempt { At = TimeProvider.System.GetUtcNow().AddMinutes(1), Status = 0, Seconds = 1.5, Error = "no answer in time" }, new PastAttempt { At = TimeProvider.System.GetUtcNow().AddMinutes(2), Status = 410, Seconds = 0.5 }],
            },
        });
        await Eventually.HoldsAsync(async () => (await scene.RunAsync("calls", "list", "--queue", seed.Queue, "--tag", "eu", "--json")).Json.AsArray().Count == 1, "the last can be found");

        var few = (await scene.RunAsync("calls", "list", "--queue", seed.Queue, "--limit", "2")).Succeeds();
        var all = (await scene.RunAsync("calls", "list", "--queue", seed.Queue, "--limit", "5000", "--json")).Json;
        var show = (await scene.RunAsync("calls", "show", $"{seed.Queue}/last")).Succeeds();
        var story = (await scene.RunAsync("calls", "show", $"{seed.Queue}/last", "--json")).Json;

        Assert.Equal(["ENDED", "FUNCTION", "STATE", "REASON", "STATUS", "ATTEMPTS", "SECONDS", "CALL", "ID"], few.Lines[0].Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal(3, few.Lines.Length);
        Assert.Matches($"There may be more: --after [0-9]+\\.{seed.Queue}\\.[0-9]+\\.[0-9]+\\.[0-9a-f]+\n", few.Error);
        Assert.Equal(1_201, all.AsArray().Count);
        Assert.Equal("dead", (string)story["calls"]![0]!["state"]!);
        foreach (var line in new[] { @"state +dead\n", @"reason +exhausted\n", @"error +boom\n", @"tags +order:1, eu\n", @"callback +refused\n", @"callback status +410\n", @"ATTEMPT +SENT +WAITED +STATUS +SECONDS +ERROR\n +1 .* 0\.5 +500 +0\.25 +-\n", @"CALLBACK +POSTED +WAITED +STATUS +SECONDS +ERROR\n +1 .* - +1\.5 +no answer in time\n +2 .* 410 +0\.5 +-\n" })
        {
            Assert.Matches(line, show.Out);
        }

        (await scene.RunAsync("calls", "show", "nobody")).Fails(1, "No call of such an id");
        (await scene.RunAsync("calls", "list", "--state", "gone")).Fails(1, "state:");
        foreach (var since in new[] { "3d", "1h30m", "1.5h", "90" })
        {
            (await scene.RunAsync("calls", "list", "--since", since, "--until", "0s")).Succeeds();
        }

        (await scene.RunAsync("calls", "list", "--since", "soon")).Fails(2, "--since: \"soon\"");
        (await scene.RunAsync("calls", "list", "--limit", "0")).Fails(2, "--limit");
        (await scene.RunAsync("calls", "list", "--queue", "No")).Fails(2, "--queue");
    }

    [Fact]
    public async Task Waiting_calls_of_a_kind_are_counted_and_cancelled()
    {
        var seed = await new DeadLetterSeed(scene.JetStream, "q" + Guid.NewGuid().ToString("N")[..8]).CreateAsync();
        await seed.WaitingAsync(DeadLetterSeed.Call("one") with { Tags = ["t"] });
        await seed.DelayedAsync(DeadLetterSeed.Call("one"));

        var dry = (await scene.RunAsync("calls", "cancel", "--queue", seed.Queue, "--function", "one", "--dry-run")).Succeeds();
        var counted = (await scene.RunAsync("calls", "cancel", "--queue", seed.Queue, "--tag", "t", "--since", "3d", "--dry-run", "--json")).Json;
        var done = (await scene.RunAsync("calls", "cancel", "--queue", seed.Queue, "--tag", "t", "--yes")).Succeeds();

        Assert.Equal($"2 waiting calls with function one, queue {seed.Queue}.\n", dry.Out);
        Assert.Equal("""{"count":1,"isComplete":true}""", counted.ToJsonString());
        Assert.Equal($"The waiting calls with queue {seed.Queue}, tag t are cancelled: each becomes a dead letter when a worker meets it.\n", done.Out);
        Assert.Contains("Repeats with the same Idempotency-Key", done.Error, StringComparison.Ordinal);
        (await scene.RunAsync("calls", "cancel", "--yes")).Fails(2, "Either --all");
        (await scene.RunAsync("calls", "cancel", "--all", "--tag", "t", "--yes")).Fails(2, "Either --all");
        (await scene.RunAsync("calls", "cancel", "--state", "dead", "--yes")).Fails(1, "state: one or more of waiting, retry, delayed");
        (await scene.RunAsync("calls", "cancel", "--queue", seed.Queue)).Fails(2, "--yes");
    }
}
