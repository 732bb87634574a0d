using System.Globalization;
using Connectors.Cron.Cursors;
using Connectors.Testing;

namespace Connectors.Cron.Tests.Ticking;

/// <summary>Real processes: a gateway, a broker and two or three connectors, of which one is killed, one is started midway, while the broker is restarted.</summary>
public sealed class ReplicasTests : IAsyncLifetime
{
    private static readonly int Seconds = Rounds.Of(usual: 14, many: 120);

    private readonly List<ServiceProcess> _replicas = [];
    private NatsServer _nats = null!; // set before each test
    private HttpLedger _function = null!; // set before each test
    private OwnGateway _gateway = null!; // set before each test

    public async ValueTask InitializeAsync()
    {
        _nats = await NatsServer.StartAsync();
        _function = await HttpLedger.StartAsync();
        _gateway = await OwnGateway.StartAsync(
            _nats, "tick", _function.Url, new Dictionary<string, string> { ["topic"] = "cron-function", ["schedule"] = "* * * * * *" });
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var replica in _replicas)
        {
            await replica.DisposeAsync();
        }

        await _gateway.DisposeAsync();
        await _function.DisposeAsync();
        await _nats.DisposeAsync();
    }

    [Fact]
    public async Task Enqueued_every_second_comes_exactly_once_through_a_kill_a_start_and_a_broker_restart()
    {
        await using var ledger = new QueueLedger(_nats);
        ledger.Start();
        await StartAsync(asynchronous: true, 3);
        await Eventually.HoldsAsync(() => ledger.Ticks.Count >= 2, "the first ticks");
        var first = ledger.Ticks.First();

        await Eventually.HoldsAsync(() => ledger.Ticks.Count >= 5, "some more");
        await _replicas[0].KillAsync();
        var killed = TimeProvider.System.GetUtcNow();
        await StartAsync(asynchronous: true, 1);

        // What the killed one had begun is repeated by now: a broker recognises repeats of calls that are done only until its restart (docs/cron.md).
        await Eventually.HoldsAsync(async () => (await CursorAsync()) is { } cursor && cursor.Last > killed && cursor.Open.All(c => c.Due > killed), "all it had claimed is fired");
        await Eventually.HoldsAsync(() => ledger.Ticks.Count >= Seconds / 2, "half of them");

        // Not while a call is under way, for the same reason: just after one, with time left until the next is due.
        await Eventually.HoldsAsync(
            async () => await CursorAsync() is { Open.IsEmpty: true } cursor && TimeProvider.System.GetUtcNow() - cursor.Last < TimeSpan.FromMilliseconds(700), "no call is under way");
        await _nats.StopAsync();
        await _nats.StartAgainAsync();

        var wanted = Enumerable.Range(0, Seconds).Select(i => first.AddSeconds(i)).ToList();
        await Eventually.HoldsAsync(() => !wanted.Except(ledger.Ticks).Any(), "every due second is stored");
        Assert.Equal(wanted, ledger.Ticks.Where(wanted.Contains));
    }

    [Fact]
    public async Task Waited_for_every_second_comes_once_and_a_kill_costs_one_at_most()
    {
        await StartAsync(asynchronous: false, 2);
        await _function.ReceivesAsync(5);
        Assert.Empty(await Promtool.ObjectionsAsync(_replicas[0]));
        var first = Ticks().Min();
        await _replicas[0].KillAsync();
        await StartAsync(asynchronous: false, 1);
        await Eventually.HoldsAsync(() => Ticks().Count >= Seconds / 2, "half of them");
        await _nats.StopAsync();
        await _nats.StartAgainAsync();

        var wanted = Enumerable.Range(0, Seconds).Select(i => first.AddSeconds(i)).ToList();
        await Eventually.HoldsAsync(
            () => Ticks().Any(t => t > wanted[^1].AddSeconds(2)) && Ticks().Count(wanted.Contains) >= Seconds - 1,
            () => $"the time is over and all ticks but one have come; there were {string.Join(' ', Ticks().Select(t => t.ToString("mm:ss", CultureInfo.InvariantCulture)))}");
        var ticks = Ticks();
        Assert.Equal(ticks.Count, ticks.Distinct().Count());
    }

    // What becomes due while a clock is ahead may be left out (docs/cron.md).
    [Fact]
    public async Task Enqueued_every_second_comes_never_twice_while_clocks_of_replicas_are_set_and_each_second_once_they_are_right()
    {
        using SettableClock first = new(), second = new();
        await using var ledger = new QueueLedger(_nats);
        ledger.Start();
        await StartAsync(asynchronous: true, 1, first);
        await StartAsync(asynchronous: true, 1, second);
        await StartAsync(asynchronous: true, 1);
        await Eventually.HoldsAsync(() => ledger.Ticks.Count >= 3, "the first ticks");

        first.Set(TimeSpan.FromHours(3));
        await Eventually.HoldsAsync(() => ledger.Ticks.Any(IsAhead), "a tick that is ahead");
        second.Set(TimeSpan.FromHours(-2));
        var present = Present().Count;
        await Eventually.HoldsAsync(() => Present().Count >= present + 3, "ticks of now go on beside it");
        first.Set(TimeSpan.Zero);
        second.Set(TimeSpan.Zero);

        var right = TimeProvider.System.GetUtcNow();
        await Eventually.HoldsAsync(
            () => Present().Where(tick => tick > right).ToList() is { } ticks && ticks.Exists(tick => Enumerable.Range(0, Seconds).All(i => ticks.Contains(tick.AddSeconds(i)))),
            () => $"{Seconds} seconds without a gap; there were {string.Join(' ', Present().Select(t => t.ToString("mm:ss", CultureInfo.InvariantCulture)))}");
        var all = ledger.Ticks.ToList();
        Assert.Equal(all.Count, all.Distinct().Count());

        List<DateTimeOffset> Present() => [.. ledger.Ticks.Where(tick => !IsAhead(tick))];

        static bool IsAhead(DateTimeOffset tick) => tick > TimeProvider.System.GetUtcNow().AddHours(1);
    }

    private async Task<Cursor?> CursorAsync()
    {
        await using var bucket = new CursorBucket(_nats);
        return Cursor.TryParse((await bucket.OnlyAsync()).Value);
    }

    private List<DateTimeOffset> Ticks() => [.. _function.Requests.Select(RunningCron.Due).Order()];

    private async Task StartAsync(bool asynchronous, int count, SettableClock? clock = null)
    {
        for (var i = 0; i < count; i++)
        {
            _replicas.Add(await ServiceProcess.StartAsync("CronConnector", new Dictionary<string, string>(clock?.Environment ?? new Dictionary<string, string>())
            {
                ["gateway_url"] = _gateway.Url.AbsoluteUri,
                ["basic_auth"] = "true",
                ["secret_mount_path"] = _gateway.Secrets,
                ["rebuild_interval"] = "1s",
                ["misfire_threshold"] = "1m",
                ["asynchronous_invocation"] = asynchronous ? "true" : "false",
                ["nats_host"] = "127.0.0.1",
                ["nats_port"] = _nats.Port.ToString(CultureInfo.InvariantCulture),
            }));
        }
    }
}
