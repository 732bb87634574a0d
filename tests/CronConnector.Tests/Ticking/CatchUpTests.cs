using Connectors.Cron.Cursors;
using Connectors.Testing;

namespace Connectors.Cron.Tests.Ticking;

/// <summary>The cursor is written back by hand, while the connector is away and while it runs; what is fired then is worked out from the schedule.</summary>
public sealed class CatchUpTests : CronTest
{
    // Each 30 s, so that the test is over before the next two are due.
    private const string Schedule = "*/30 * * * * *";

    private CursorBucket _bucket = null!; // set before each test

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _bucket = new CursorBucket(Nats);
        Gateway.Functions = [RunningCron.Function("a", Schedule)];
    }

    public override async ValueTask DisposeAsync()
    {
        await _bucket.DisposeAsync();
        await base.DisposeAsync();
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
        await using var first = await RunningCron.StartAsync(Gateway.Url, Nats, options);
        await Eventually.HoldsAsync(async () => (await _bucket.OnlyAsync()).Value.Length > 0, "there is a cursor");
        await AwayFromDueAsync();
        var (key, _) = await _bucket.OnlyAsync();
        var before = Gateway.Calls.Count;
        if (!isRunning)
        {
            await first.StopAsync();
        }

        var now = TimeProvider.System.GetUtcNow();
        await _bucket.WriteAsync(key, Cursor.Text(now.AddMinutes(-3)));
        await using var second = isRunning ? null : await RunningCron.StartAsync(Gateway.Url, Nats, options);

        // Of three minutes at each 30 s, six ticks lie behind.
        var latest = Latest(now);
        await Eventually.HoldsAsync(() => IsThroughAsync(latest), "the cursor has come up to the last tick");
        IEnumerable<int> expected = catchUp switch { "all" => [-150, -120, -90, -60, -30, 0], "last" => [0], _ => [] };
        Assert.Equal(expected.Select(s => latest.AddSeconds(s)), Gateway.Calls.Skip(before).Select(RunningCron.Due).Where(due => due <= latest));
    }

    [Fact]
    public async Task Time_without_the_function_is_not_caught_up_neither_while_it_runs_nor_over_a_restart()
    {
        (string Name, string Value)[] options = [("asynchronous_invocation", "true"), ("catch_up", "all"), ("catch_up_window", "1h"), ("misfire_threshold", "1s")];
        var function = RunningCron.Function("a", "* * * * * *");
        Gateway.Functions = [function];
        await using var first = await RunningCron.StartAsync(Gateway.Url, Nats, options);
        await Gateway.ReceivesAsync(2);

        var away = new List<(DateTimeOffset From, DateTimeOffset To)> { await AwayAsync(function) };
        await Gateway.ReceivesAsync(Gateway.Calls.Count + 2);

        Gateway.Functions = [];
        await Eventually.HoldsAsync(async () => (await _bucket.OnlyAsync("a")).Value.Contains("removed", StringComparison.Ordinal), "the removal is noted");
        var removed = TimeProvider.System.GetUtcNow();
        await first.StopAsync();
        await Eventually.HoldsAsync(() => TimeProvider.System.GetUtcNow() > removed.AddSeconds(3), "three seconds without the function");
        var back = TimeProvider.System.GetUtcNow();
        Gateway.Functions = [function];
        var before = Gateway.Calls.Count;
        await using var second = await RunningCron.StartAsync(Gateway.Url, Nats, options);
        await Gateway.ReceivesAsync(before + 2);

        away.Add((removed, back));
        Assert.All(away, span => Assert.DoesNotContain(Gateway.Calls, call => RunningCron.Due(call) > span.From && RunningCron.Due(call) < span.To));
        RunningCron.NoneTwice(Gateway.Calls);
    }

    [Fact]
    public async Task Time_without_the_function_is_not_caught_up_if_it_went_while_no_connector_ran()
    {
        (string Name, string Value)[] options = [("asynchronous_invocation", "true"), ("catch_up", "all"), ("catch_up_window", "1h"), ("misfire_threshold", "1s")];
        var (function, other) = (RunningCron.Function("a", "* * * * * *"), RunningCron.Function("b", "* * * * * *"));
        Gateway.Functions = [function];
        await using (await RunningCron.StartAsync(Gateway.Url, Nats, options))
        {
            await Gateway.ReceivesAsync(2);
        }

        var removed = TimeProvider.System.GetUtcNow();
        Gateway.Functions = [other];
        await using var cron = await RunningCron.StartAsync(Gateway.Url, Nats, options);
        await Eventually.HoldsAsync(() => TimeProvider.System.GetUtcNow() > removed.AddSeconds(3), "three seconds without the function");
        var seen = TimeProvider.System.GetUtcNow();

        // A list without it came after that, and the second of these calls after the list was heeded.
        await Gateway.IsPolledAsync();
        await Gateway.ReceivesAsync(Gateway.Calls.Count(To("b")) + 2, To("b"));
        Gateway.Functions = [function, other];
        await Gateway.ReceivesAsync(Gateway.Calls.Count(To("a")) + 2, To("a"));

        Assert.DoesNotContain(Gateway.Calls.Where(To("a")), call => RunningCron.Due(call) > removed && RunningCron.Due(call) < seen);
        RunningCron.NoneTwice(Gateway.Calls.Where(To("a")));

        static Func<RecordedRequest, bool> To(string name) => call => call.Path.EndsWith($"/{name}.openfaas-fn", StringComparison.Ordinal);
    }

    // Takes the function away for some ticks.
    private async Task<(DateTimeOffset From, DateTimeOffset To)> AwayAsync(ListedFunction function)
    {
        Gateway.Functions = [];
        await Eventually.HoldsAsync(async () => (await _bucket.OnlyAsync("a")).Value.Contains("removed", StringComparison.Ordinal), "the removal is noted");
        var removed = TimeProvider.System.GetUtcNow();
        await Eventually.HoldsAsync(() => TimeProvider.System.GetUtcNow() > removed.AddSeconds(4), "four seconds without the function");
        var back = TimeProvider.System.GetUtcNow();
        Gateway.Functions = [function];
        return (removed, back);
    }

    // Around a tick one could not say which side of it the cursor was written on, and before the next one there has to be time for what the test does. The
    // last one must be through, or its call would be taken for one that was caught up.
    private Task AwayFromDueAsync() => Eventually.HoldsAsync(
        async () => IsAway() && await IsThroughAsync(Latest(TimeProvider.System.GetUtcNow())) && IsAway(), "some way from a tick, and the last one is through");

    private static bool IsAway() => TimeProvider.System.GetUtcNow().Second % 30 is >= 6 and <= 11;

    // The last tick of the schedule up to an instant.
    private static DateTimeOffset Latest(DateTimeOffset instant) => new(instant.Ticks - (instant.Ticks % (30 * TimeSpan.TicksPerSecond)), TimeSpan.Zero);

    // Whether all up to a tick was fired or dropped, and every call is over.
    private async Task<bool> IsThroughAsync(DateTimeOffset tick) =>
        Cursor.TryParse((await _bucket.OnlyAsync()).Value) is { Open.IsEmpty: true } cursor && cursor.Last >= tick;
}
