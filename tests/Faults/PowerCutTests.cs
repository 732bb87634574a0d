using System.Globalization;
using System.Text.Json;
using Connectors.Testing;

namespace Connectors.Faults.Tests;

/// <summary>
/// What a power cut takes: nats-servers die, and of their files only what was flushed is left (tests/Testing/disk.pl). Under load, with calls that wait and
/// calls that run; function and receiver know what came. A usual run is short; <c>./test --power</c> has all classes of durability, and makes a table.
/// </summary>
public sealed class PowerCutTests(ITestOutputHelper output)
{
    private const int Waiting = 60;
    private static readonly double Seconds = double.Parse(Setting("SECONDS", "0"), CultureInfo.InvariantCulture);
    private readonly int _seed = int.Parse(Setting("SEED", "1"), CultureInfo.InvariantCulture);

    private static readonly (int Servers, string SyncInterval, int Cut)[] Lasting =
        [(1, "2m", 1), (1, "10s", 1), (1, "always", 1), (3, "2m", 1), (3, "always", 1), (3, "2m", 3), (3, "always", 3)];

    /// <summary>Servers, how often they flush, and how many lose their power.</summary>
    public static TheoryData<int, string, int> Classes =>
        new((Seconds > 0 ? Lasting : [(1, "1h", 1), (1, "always", 1)]).Where(row => $"{row}".Contains(Setting("ONLY", ""), StringComparison.Ordinal)));

    [Theory]
    [MemberData(nameof(Classes))]
    public async Task A_power_cut_takes_what_was_not_flushed_and_nothing_after_it(int servers, string syncInterval, int cut)
    {
        await using var system = await FaultySystem.StartAsync("static", servers, syncInterval);
        await using var load = new Load([.. system.Gateways.Select(gateway => gateway.Api)], system.CallbackUrl, _seed);
        await load.IsQuietAsync(system);

        // Streams and consumers have been there for long. From now on only what nats-server flushes is kept.
        await Task.WhenAll(system.Nats.Servers.Select(server => server.FlushAsync()));
        load.Start();
        await system.Function.HasAsync(50);
        await Task.Delay(TimeSpan.FromSeconds(Seconds * (0.7 + (0.3 * new Random(_seed).NextDouble()))), TimeProvider.System);

        // The function stands still, so that calls wait: in the worker, and in the stream.
        system.Function.Process.Pause();
        var accepted = Accepted(load).Count;
        await Eventually.HoldsAsync(() => Accepted(load).Count >= accepted + Waiting, "calls wait");
        var first = servers == 1 ? 0 : await system.LeaderAsync(FaultySystem.Calls);
        var victims = Enumerable.Range(first, cut).Select(i => system.Nats.Servers[i % servers]).ToList();
        await Task.WhenAll(victims.Select(server => server.CutPowerAsync()));
        var atCut = Accepted(load);
        var waiting = atCut.Except(system.Function.Entries.Select(run => run.CallId)).Count();
        system.Function.Process.Resume();
        await Task.WhenAll(victims.Select(server => server.StartAgainAsync()));
        var back = TimeProvider.System.GetTimestamp();
        try
        {
            await load.IsQuietAsync(system);
            await load.StopAsync();
            await system.IsDoneAsync();
        }
        catch (TimeoutException stays)
        {
            Assert.Fail($"{stays.Message}\n{Logs(system)}");
        }

        var tally = await Tally.TakeAsync(system, load);

        // What was asked before the servers were back and answered after the cut may have been stored on either side of it: it is in neither of the two.
        var (before, after, all) = (tally.Of(call => atCut.Contains(call.Id)), tally.Of(call => call.Began > back), tally.Of(_ => true));
        Tell($"| {servers}, {syncInterval} | {cut} | {atCut.Count} | {waiting} | {before.NeverRan} | {before.RanAgain} | {before.NotCalledBack} | {before.NoDeadLetter} | {after.Accepted} | {after.Lost} |");
        Assert.True(after.Lost == 0, $"{after}\n{Logs(system)}");
        if (syncInterval == "always" || cut < servers)
        {
            Assert.True(all.Lost == 0, $"{all}\n{Logs(system)}");
        }
        else if (syncInterval == "1h")
        {
            // Else the disk forgets nothing, and the other classes prove nothing.
            Assert.True(before.NeverRan > 0, $"{before}");
        }
    }

    private static HashSet<string> Accepted(Load load) => [.. load.Calls.Where(call => call.IsAccepted).Select(call => call.Id)];

    private static string Logs(FaultySystem system) => string.Join(
        "\n\n",
        system.Workers.Concat(system.Gateways).Select(service => string.Join('\n', service.Process.Lines.Where(line => !line.Contains(" info ", StringComparison.Ordinal)).TakeLast(30)))
            .Concat(system.Nats.Servers.Select(server => server.Log)));

    private void Tell(string row)
    {
        output.WriteLine(row);
        if (Setting("LEDGER", "") is { Length: > 0 } file)
        {
            File.AppendAllText(file, row + "\n");
        }
    }

    private static string Setting(string name, string usual) => Environment.GetEnvironmentVariable("CONNECTORS_POWER_" + name) is { Length: > 0 } set ? set : usual;

    /// <summary>What became of accepted calls.</summary>
    private sealed record Sums(int Accepted, int NeverRan, int RanAgain, int NotCalledBack, int NoDeadLetter)
    {
        public int Lost => NeverRan + NotCalledBack + NoDeadLetter;
    }

    private sealed class Tally(IReadOnlyList<Call> accepted, ILookup<string, Entry> runs, HashSet<string> calledBack, HashSet<string> dead)
    {
        public static async Task<Tally> TakeAsync(FaultySystem system, Load load) => new(
            [.. load.Calls.Where(call => call.IsAccepted)],
            system.Function.Entries.ToLookup(run => run.CallId),
            [.. system.Receiver.Entries.Select(callback => callback.CallId)],
            [.. (await system.DeadLettersAsync()).Select(letter => CallId(letter.Envelope))]);

        // A call that never ran counts once, and not for its callback and dead letter too.
        public Sums Of(Func<Call, bool> which)
        {
            var calls = accepted.Where(which).ToList();
            var ran = calls.Where(call => runs.Contains(call.Id)).ToList();
            return new Sums(
                calls.Count,
                calls.Count - ran.Count,
                ran.Sum(call => runs[call.Id].Count() - runs[call.Id].Select(run => run.Attempt).Distinct().Count()),
                ran.Count(call => !calledBack.Contains(call.Id)),
                ran.Count(call => call.Function == "bad" && !dead.Contains(call.Id)));
        }

        private static string CallId(string envelope)
        {
            using var json = JsonDocument.Parse(envelope);
            return json.RootElement.GetProperty("callId").GetString()!;
        }
    }
}
