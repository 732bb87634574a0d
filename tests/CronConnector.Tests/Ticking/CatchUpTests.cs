using Connectors.Cron.Cursors;
using Connectors.Testing;

namespace Connectors.Cron.Tests.Ticking;

/// <summary>The cursor is written back by hand, while the connector is away and while it runs; what is fired then is worked out from the schedule.</summary>
public sealed class CatchUpTests : IAsyncLifetime
{
    // Each 30 s, so that the test is over before the next two are due.
    private const string Schedule = "*/30 * * * * *";

    private NatsServer _nats = null!; // set before each test
    private GatewayServer _gateway = null!; // set before each test
    private CursorBucket _bucket = null!; // set before each test

    public async ValueTask InitializeAsync()
    {
        _nats = await NatsServer.StartAsync();
        _bucket = new CursorBucket(_nats);
        _gateway = await GatewayServer.StartAsync(RunningCron.Function("a", Schedule));
    }

    public async ValueTask DisposeAsync()
    {
        await _bucket.DisposeAsync();
        await _gateway.DisposeAsync();
        await _nats.DisposeAsync();
    }

    [Theory]
    [InlineData("none", true)]
    [InlineData("none", false)]
    [InlineData("last", true)]
    [InlineData("last", false)]
    [InlineData("all", true)]
    [InlineData("all", false)]
    public async Task Each_policy_fires_exactly_what_it_says(string catchUp, bool isRunning)
    {
        (string Name, string Value)[] options = [("asynchronous_invocation", "true"), ("catch_up", catchUp), ("catch_up_window", "5m"), ("misfire_threshold", "1s")];
        await using var first = await RunningCron.StartAsync(_gateway.Url, _nats, options);
        await Eventually.HoldsAsync(async () => (await _bucket.OnlyAsync()).Value.Length > 0, "there is a cursor");
        await AwayFromDueAsync();
        var (key, _) = await _bucket.OnlyAsync();
        var before = _gateway.Calls.Count;
        if (!isRunning)
        {
            await first.StopAsync();
        }

        var now = TimeProvider.System.GetUtcNow();
        await _bucket.WriteAsync(key, Cursor.Text(now.AddMinutes(-3)));
        await using var second = isRunning ? null : await RunningCron.StartAsync(_gateway.Url, _nats, options);

        // Of three minutes at each 30 s, six ticks lie behind.
        var latest = new DateTimeOffset(now.Ticks - (now.Ticks % (30 * TimeSpan.TicksPerSecond)), TimeSpan.Zero);
        await Eventually.HoldsAsync(
            async () => Cursor.TryParse((await _bucket.OnlyAsync()).Value) is { Open.IsEmpty: true } cursor && cursor.Last >= latest, "the cursor has come up to the last tick");
        IEnumerable<int> expected = catchUp switch { "all" => [-150, -120, -90, -60, -30, 0], "last" => [0], _ => [] };
        Assert.Equal(expected.Select(s => latest.AddSeconds(s)), _gateway.Calls.Skip(before).Select(RunningCron.Due));
    }

    [Fact]
    public async Task Time_without_the_function_is_not_caught_up_neither_while_it_runs_nor_over_a_restart()
    {
        (string Name, string Value)[] options = [("asynchronous_invocation", "true"), ("catch_up", "all"), ("catch_up_window", "1h"), ("misfire_threshold", "1s")];
        var function = RunningCron.Function("a", "* * * * * *");
        _gateway.Functions = [function];
        await using var first = await RunningCron.StartAsync(_gateway.Url, _nats, options);
        await _gateway.ReceivesAsync(2);

        var away = new List<(DateTimeOffset From, DateTimeOffset To)> { await AwayAsync(function) };
        await _gateway.ReceivesAsync(_gateway.Calls.Count + 2);

        _gateway.Functions = [];
        await Eventually.HoldsAsync(async () => (await _bucket.OnlyAsync("a")).Value.Contains("removed", StringComparison.Ordinal), "the removal is noted");
        var removed = TimeProvider.System.GetUtcNow();
        await first.StopAsync();
        await Eventually.HoldsAsync(() => TimeProvider.System.GetUtcNow() > removed.AddSeconds(3), "three seconds without the function");
        _gateway.Functions = [function];
        var back = TimeProvider.System.GetUtcNow();
        var before = _gateway.Calls.Count;
        await using var second = await RunningCron.StartAsync(_gateway.Url, _nats, options);
        await _gateway.ReceivesAsync(before + 2);

        away.Add((removed, back));
        Assert.All(away, span => Assert.DoesNotContain(_gateway.Calls, call => RunningCron.Due(call) > span.From && RunningCron.Due(call) < span.To));
        Assert.Equal(_gateway.Calls.Count, _gateway.Calls.Select(RunningCron.Due).Distinct().Count());
    }

    // Takes the function away for some ticks.
    private async Task<(DateTimeOffset From, DateTimeOffset To)> AwayAsync(ListedFunction function)
    {
        _gateway.Functions = [];
        await Eventually.HoldsAsync(async () => (await _bucket.OnlyAsync("a")).Value.Contains("removed", StringComparison.Ordinal), "the removal is noted");
        var removed = TimeProvider.System.GetUtcNow();
        await Eventually.HoldsAsync(() => TimeProvider.System.GetUtcNow() > removed.AddSeconds(4), "four seconds without the function");
        _gateway.Functions = [function];
        return (removed, TimeProvider.System.GetUtcNow());
    }

    // In the seconds before and after a tick one could not say which side of it the cursor was written on.
    private static Task AwayFromDueAsync() => Eventually.HoldsAsync(() => TimeProvider.System.GetUtcNow().Second % 30 is > 2 and < 24, "some way from a tick");
}
