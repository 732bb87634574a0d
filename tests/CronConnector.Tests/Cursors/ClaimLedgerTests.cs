using System.Globalization;
using Connectors.Cron.Cursors;
using Connectors.Cron.Schedules;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Sdk.Topics;
using Connectors.Testing;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Cron.Tests.Cursors;

/// <summary>
/// Three replicas that share a schedule of every second, over hours in which they look late, die before or after their call, come back, and have their clocks
/// set: a ledger of which tick was fired how often. CONNECTORS_SEED gives another run of it.
/// </summary>
public class ClaimLedgerTests(ITestOutputHelper output)
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);
    private static readonly int Ticks = Rounds.Of(usual: 1_000, many: 50_000);
    private static readonly int Seed = int.Parse(Environment.GetEnvironmentVariable("CONNECTORS_SEED") ?? "1", CultureInfo.InvariantCulture);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Whoever_dies_no_tick_is_skipped_that_may_be_repeated_and_none_is_doubled_that_may_not(bool asynchronous)
    {
        var ledger = await RunAsync(asynchronous, withClocks: false);

        var all = Enumerable.Range(1, Ticks).Select(s => Noon.AddSeconds(s)).ToList();
        Assert.Equal(asynchronous ? all : all.Except(ledger.DiedBefore), ledger.Fired.Keys.Where(t => t <= all[^1]).Order());
        Assert.Equal(asynchronous ? ledger.DiedAfter.Order() : [], ledger.Fired.Where(f => f.Value > 1).Select(f => f.Key).Order());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Whatever_the_clocks_say_no_tick_is_doubled_and_the_schedule_goes_on(bool asynchronous)
    {
        var ledger = await RunAsync(asynchronous, withClocks: true);

        Assert.Equal(asynchronous ? ledger.DiedAfter.Order() : [], ledger.Fired.Where(f => f.Value > 1).Select(f => f.Key).Order());
        var steps = ledger.Steps.Append(Noon.AddSeconds(Ticks)).ToList();
        Assert.All(steps, step => Assert.Contains(ledger.Fired.Keys, tick => tick > step.AddSeconds(-20) && tick <= step));
    }

    private async Task<Ledger> RunAsync(bool asynchronous, bool withClocks)
    {
        var (time, random, ledger) = (new FakeTimeProvider(Noon), new Random(Seed), new Ledger());
        var entry = Entry(asynchronous);
        var store = new MemoryCursorStore(time);
        var replicas = Enumerable.Range(0, 3).Select(_ => new Replica(new Claims(store, time))).ToArray();
        await replicas[0].Claims.OpenAsync(entry.Key, Noon, CancellationToken.None);

        // Behind the last tick there is time to take over what was left.
        for (var step = 0; step < 2 * (Ticks + 30); step++)
        {
            time.Advance(TimeSpan.FromMilliseconds(500));
            if (withClocks && step % 240 == 120)
            {
                // One clock is wrong from now on, by up to an hour either way, and right again a little later.
                replicas[random.Next(3)].Ahead = TimeSpan.FromSeconds(random.Next(-3_600, 3_600));
            }
            else if (step % 240 == 160)
            {
                Array.ForEach(replicas, r => r.Ahead = TimeSpan.Zero);
                ledger.Steps.Add(time.GetUtcNow().AddSeconds(20));
            }

            foreach (var i in Enumerable.Range(0, 3).OrderBy(_ => random.Next()).Take(random.Next(1, 4)))
            {
                var mayDie = step < 2 * Ticks && random.Next(40) == 0;
                if (!await LookAsync(replicas[i], store, entry, time, random, mayDie, ledger))
                {
                    replicas[i] = new Replica(new Claims(store, time));
                }
            }
        }

        output.WriteLine($"seed {Seed}: {ledger.Fired.Count} ticks fired, {ledger.DiedBefore.Count} deaths before the call, {ledger.DiedAfter.Count} after it, {ledger.Steps.Count} wrong clocks");
        return ledger;
    }

    // One look of one replica. False if it died at it.
    private static async Task<bool> LookAsync(Replica replica, MemoryCursorStore store, Entry entry, TimeProvider time, Random random, bool mayDie, Ledger ledger)
    {
        var (claims, now) = (replica.Claims, time.GetUtcNow() + replica.Ahead);
        var cursor = store.Latest(entry.Key)!.Cursor; // opened before
        if (cursor.Last - now > Claims.ClockTolerance)
        {
            // A cursor that is ahead of the broker's clock too, which is right here, is taken back.
            _ = cursor.Last - time.GetUtcNow() > Claims.ClockTolerance && await claims.TakeBackAsync(entry.Key, now, CancellationToken.None);
            return true;
        }

        var lapsed = entry.Policy.Asynchronous ? claims.Lapsed(entry.Key).Select(c => c.Due).ToList() : [];
        foreach (var due in DueTicks.Find(entry.Schedule, cursor.Last, now, entry.Policy, cursor.IsFiredAhead).Fire.Concat(lapsed))
        {
            var result = lapsed.Contains(due) ? await claims.TakeOverAsync(entry, due, CancellationToken.None) : await claims.TakeAsync(entry, due, CancellationToken.None);
            if (result != ClaimResult.Won)
            {
                continue;
            }

            var death = mayDie ? random.Next(2) : -1;
            if (death == 0)
            {
                ledger.DiedBefore.Add(due);
                return false;
            }

            ledger.Fired[due] = ledger.Fired.GetValueOrDefault(due) + 1;
            if (death == 1)
            {
                ledger.DiedAfter.Add(due);
                return false;
            }

            await claims.EndAsync(entry.Key, due, CancellationToken.None);
        }

        return true;
    }

    private static Entry Entry(bool asynchronous)
    {
        var policy = TickPolicy.Read(new Settings(new Dictionary<string, string>()), asynchronous);
        var function = new Function(new FunctionName("fn", "openfaas-fn"), new Dictionary<string, string> { ["schedule"] = "* * * * * *" });
        return Assert.Single(Connectors.Cron.Schedules.Entry.Of(function, policy));
    }

    private sealed record Replica(Claims Claims)
    {
        /// <summary>By how much its clock is ahead.</summary>
        public TimeSpan Ahead { get; set; }
    }

    private sealed class Ledger
    {
        public Dictionary<DateTimeOffset, int> Fired { get; } = [];

        public HashSet<DateTimeOffset> DiedBefore { get; } = [];

        public HashSet<DateTimeOffset> DiedAfter { get; } = [];

        /// <summary>Some time after each wrong clock was set right.</summary>
        public List<DateTimeOffset> Steps { get; } = [];
    }
}
