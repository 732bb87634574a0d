using Connectors.Testing;

namespace Connectors.Cron.Tests.Ticking;

/// <summary>Two replicas whose bucket is deleted, or whose broker is killed, with its data or without: every second is fired.</summary>
public sealed class LostBucketTests : IAsyncLifetime
{
    private static readonly (string, string)[] Options = [("asynchronous_invocation", "true"), ("catch_up", "all"), ("misfire_threshold", "1m")];

    private NatsServer _nats = null!; // set before each test
    private GatewayServer _gateway = null!; // set before each test

    public async ValueTask InitializeAsync()
    {
        _nats = await NatsServer.StartAsync();
        _gateway = await GatewayServer.StartAsync(RunningCron.Function("a", "* * * * * *"));
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _nats.DisposeAsync();
    }

    [Fact]
    public async Task The_bucket_is_deleted() => await GoesOnAsync(async () =>
    {
        await using var bucket = new CursorBucket(_nats);
        await bucket.DeleteAsync();
    });

    [Fact]
    public async Task The_broker_is_killed() => await GoesOnAsync(async () =>
    {
        await _nats.KillAsync();
        await _nats.StartAgainAsync();
    });

    [Fact]
    public async Task The_broker_is_killed_and_its_data_are_lost() => await GoesOnAsync(async () =>
    {
        await _nats.KillAsync();
        Directory.Delete(Path.Combine(_nats.Home, "data"), recursive: true);
        await _nats.StartAgainAsync();
    });

    private async Task GoesOnAsync(Func<Task> happensAsync)
    {
        await using var one = await RunningCron.StartAsync(_gateway.Url, _nats, Options);
        await using var other = await RunningCron.StartAsync(_gateway.Url, _nats, Options);
        await _gateway.ReceivesAsync(3);

        await happensAsync();

        var happened = TimeProvider.System.GetUtcNow();
        await Eventually.HoldsAsync(() => Ticks().Any(t => t > happened.AddSeconds(8)), () => $"it goes on; there were {string.Join(' ', Ticks().Select(t => t.ToString("mm:ss")))}");
        var ticks = Ticks();
        Assert.Equal(Enumerable.Range(0, ticks.Distinct().Count()).Select(i => ticks[0].AddSeconds(i)), ticks.Distinct());

        // Twice only that which was in flight, and under the same Idempotency-Key.
        Assert.InRange(ticks.Count - ticks.Distinct().Count(), 0, 2);
        Assert.Equal(ticks.Distinct().Count(), _gateway.Calls.Select(c => c.Header("Idempotency-Key")).Distinct().Count());
        await using var bucket = new CursorBucket(_nats);
        Assert.NotEmpty((await bucket.OnlyAsync()).Value);
    }

    private List<DateTimeOffset> Ticks() => [.. _gateway.Calls.Select(RunningCron.Due).Order()];
}
