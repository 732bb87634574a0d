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

    // In the seconds before and after a tick one could not say which side of it the cursor was written on.
    private static Task AwayFromDueAsync() => Eventually.HoldsAsync(() => TimeProvider.System.GetUtcNow().Second % 30 is > 2 and < 24, "some way from a tick");
}
