using Connectors.Testing;

namespace Connectors.Cron.Tests.Ticking;

/// <summary>Two replicas whose bucket is deleted, or whose broker is killed, with its data, without or with those of a while ago: every second is fired.</summary>
public sealed class LostBucketTests : CronTest
{
    private static readonly (string, string)[] Options = [("asynchronous_invocation", "true"), ("catch_up", "all"), ("misfire_threshold", "1m")];

    [Fact]
    public async Task The_bucket_is_deleted() => await GoesOnAsync(async () =>
    {
        await using var bucket = new CursorBucket(Nats);
        await bucket.DeleteAsync();
    });

    [Fact]
    public async Task The_broker_is_killed() => await GoesOnAsync(async () =>
    {
        await Nats.KillAsync();
        await Nats.StartAgainAsync();
    });

    [Fact]
    public async Task The_broker_is_killed_and_its_data_are_lost() => await GoesOnAsync(async () =>
    {
        await Nats.KillAsync();
        Directory.Delete(Path.Combine(Nats.Home, "data"), recursive: true);
        await Nats.StartAgainAsync();
    });

    [Fact]
    public async Task The_broker_is_killed_and_comes_back_with_a_copy_of_its_data() => await GoesOnAsync(async () =>
    {
        var (data, copy) = (Path.Combine(Nats.Home, "data"), Path.Combine(Nats.Home, "copy"));
        await Nats.StopAsync();
        Copy(data, copy);
        await Nats.StartAgainAsync();

        // Cursors are written that the copy does not have.
        await Gateway.ReceivesAsync(Gateway.Calls.Count + 5);
        await Nats.KillAsync();
        Directory.Delete(data, recursive: true);
        Directory.Move(copy, data);
        await Nats.StartAgainAsync();
    });

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var directory in Directory.GetDirectories(from, "*", SearchOption.AllDirectories))
        {
            Directory.CreateDirectory(Path.Combine(to, Path.GetRelativePath(from, directory)));
        }

        foreach (var file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            File.Copy(file, Path.Combine(to, Path.GetRelativePath(from, file)));
        }
    }

    private async Task GoesOnAsync(Func<Task> happensAsync)
    {
        Gateway.Functions = [RunningCron.Function("a", "* * * * * *")];
        await using var one = await RunningCron.StartAsync(Gateway.Url, Nats, Options);
        await using var other = await RunningCron.StartAsync(Gateway.Url, Nats, Options);
        await Gateway.ReceivesAsync(3);

        await happensAsync();

        var happened = TimeProvider.System.GetUtcNow();
        var first = Gateway.Calls.Select(RunningCron.Due).Min();
        await RunningCron.EachSecondAsync(() => Gateway.Calls, (int)(happened - first).TotalSeconds + 8);
        var calls = Gateway.Calls;
        var ticks = calls.Select(RunningCron.Due).ToList();

        // Twice only that which was in flight, and under the same Idempotency-Key.
        Assert.InRange(ticks.Count - ticks.Distinct().Count(), 0, 2);
        Assert.Equal(ticks.Distinct().Count(), calls.Select(c => c.Header("Idempotency-Key")).Distinct().Count());
        await using var bucket = new CursorBucket(Nats);
        await Eventually.HoldsAsync(async () => (await bucket.OnlyAsync()).Value.Length > 0, "the bucket has its one cursor");
    }
}
