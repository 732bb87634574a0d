using System.Net;
using Connectors.Testing;

namespace Connectors.Faults.Tests;

/// <summary>
/// A consumer's leader that the others do not follow delivers and takes acks for seconds, and takes all of it with it. What a worker has to do again is what it
/// had in flight, not what it did in this time. On the oldest nats-server: newer ones deliver nothing that the others did not hear of.
/// </summary>
public sealed class DividedClusterTests
{
    private const int Calls = 400;

    // Longer than servers may take to find another leader: no call is refused.
    private const string PublishTimeout = "20s";

    [Fact]
    public async Task What_a_leader_without_followers_was_told_is_no_more_than_was_in_flight()
    {
        await using var system = await FaultySystem.StartAsync("static", floor: true, publishTimeout: PublishTimeout);
        await system.IsWholeAsync();

        // Worker 0 stays connected to server 0, which is to lead.
        await ConsumerIsLedAsync(system, byFirst: true);
        var links = await CutFirstOffAsync(system);
        Assert.InRange(system.Function.Entries.Count, 0, Calls - (10 * FaultySystem.Slots));

        // Longer than an ack that its consumer knows nothing of is waited for where servers hear each other; enough for all other calls, if they were taken.
        await Eventually.HoldsAsync(() => system.Workers[0].Process.Lines.Count(line => line.Contains("Acks are not agreed on yet", StringComparison.Ordinal)) >= 3, "worker 0 waits for acks, and says so");
        await Task.WhenAll(system.Workers[0].Process.KillAsync(), system.Nats.Servers[0].KillAsync());
        system.FunctionLink.Delay(TimeSpan.Zero);
        links.ForEach(link => link.Cut());
        links.ForEach(link => link.Pass());
        await system.Workers[0].DisposeAsync();
        await system.Nats.Servers[0].StartAgainAsync();
        await system.StartWorkerAsync(0);

        await NoMoreRanAgainThanWasInFlightAsync(system);
    }

    // A stream's leader that is cut off still holds what the others' consumer is through with, and says so for a moment after it hears them again. Cut off for
    // less and for more than an election takes.
    [Theory]
    [InlineData(4.5)]
    [InlineData(5.5)]
    public async Task What_a_streams_leader_did_not_hear_of_is_not_done_again(double seconds)
    {
        await using var system = await FaultySystem.StartAsync("static", publishTimeout: PublishTimeout);
        await system.IsWholeAsync();
        await LedAsync(system, $"STREAM.LEADER.STEPDOWN.{FaultySystem.Calls}", async () => $"n{await system.LeaderAsync(FaultySystem.Calls)}", byFirst: true);
        await ConsumerIsLedAsync(system, byFirst: false);
        var links = await CutFirstOffAsync(system);
        await Task.Delay(TimeSpan.FromSeconds(seconds), TimeProvider.System);
        links.ForEach(link => link.Pass());

        await NoMoreRanAgainThanWasInFlightAsync(system);
        Assert.All(system.Workers, worker => Assert.DoesNotContain(worker.Process.Lines, line => line.Contains("remembers more than its stream", StringComparison.Ordinal)));
    }

    // While calls are in all stages: asked for, running, acked; and most of them wait.
    private static async Task<List<Link>> CutFirstOffAsync(FaultySystem system)
    {
        system.Function.Process.Pause();
        await CallAsync(system.Gateways[0].Api);
        system.FunctionLink.Delay(TimeSpan.FromMilliseconds(50));
        system.Function.Process.Resume();
        await system.Function.HasAsync(5 * FaultySystem.Slots);
        var links = system.RouteLinks.Where(route => route.Key.From == 0 || route.Key.To == 0).Select(route => route.Value).ToList();
        links.ForEach(link => link.Silence());
        return links;
    }

    private static async Task NoMoreRanAgainThanWasInFlightAsync(FaultySystem system)
    {
        await system.IsWholeAsync();
        await system.IsDoneAsync();
        var runs = system.Function.Entries;
        var ran = runs.Select(run => run.CallId).Distinct().Count();
        TestContext.Current.TestOutputHelper?.WriteLine($"{runs.Count} runs of {ran} calls");
        Assert.Equal(Calls, ran);
        Assert.InRange(runs.Count - ran, 0, 2 * FaultySystem.Slots);
    }

    private static Task ConsumerIsLedAsync(FaultySystem system, bool byFirst) => LedAsync(
        system,
        $"CONSUMER.LEADER.STEPDOWN.{FaultySystem.Calls}.static-normal",
        async () => (await system.JetStream.GetConsumerAsync(FaultySystem.Calls, "static-normal")).Info.Cluster?.Leader,
        byFirst);

    private static Task LedAsync(FaultySystem system, string stepDown, Func<Task<string?>> leader, bool byFirst) => Eventually.HoldsAsync(
        async () =>
        {
            if (await leader() is { } now && now == "n0" == byFirst)
            {
                return true;
            }

            await system.AskAsync("$JS.API." + stepDown);
            return false;
        },
        $"server 0 leads: {byFirst}");

    private static async Task CallAsync(Uri gateway)
    {
        using var http = new HttpClient(new SocketsHttpHandler());
        await Parallel.ForAsync(0, Calls, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, ct) =>
        {
            using var answer = await http.PostAsync(new Uri(gateway, "/async-function/work"), new StringContent($"{i}"), ct);
            Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        });
    }
}
