using Connectors.Cron.Cursors;
using Connectors.Testing;

namespace Connectors.Cron.Tests.Ticking;

/// <summary>A claim that was handed back, or left open by a replica that died, is found when its tick was due two hours ago.</summary>
public sealed class LateClaimTests : CronTest
{
    [Theory]
    [InlineData("none", "-", false)]
    [InlineData("none", "dead", false)]
    [InlineData("last", "-", true)]
    [InlineData("all", "dead", true)]
    public async Task It_is_fired_if_catch_up_says_so_and_missed_otherwise(string catchUp, string replica, bool isFired)
    {
        // Once a day: nothing else is due, and this one is the last that was.
        var now = TimeProvider.System.GetUtcNow();
        var due = new DateTimeOffset(now.Ticks - (now.Ticks % TimeSpan.TicksPerMinute), TimeSpan.Zero).AddHours(-2);
        var name = "late" + Guid.NewGuid().ToString("N")[..6];
        Gateway.Functions = [RunningCron.Function(name, $"{due.Minute} {due.Hour} * * *", "timezone", "UTC")];
        (string Name, string Value)[] options = [("asynchronous_invocation", "true"), ("catch_up", catchUp), ("catch_up_window", "3h")];
        await using var bucket = new CursorBucket(Nats);
        await using (await RunningCron.StartAsync(Gateway.Url, Nats, options))
        {
            await Eventually.HoldsAsync(async () => (await bucket.OnlyAsync()).Value.Length > 0, "there is a cursor");
        }

        var (key, _) = await bucket.OnlyAsync();
        await bucket.WriteAsync(key, new Cursor(due, [new Claim(due, replica, 0)]).ToString());
        await using var cron = await RunningCron.StartAsync(Gateway.Url, Nats, options);

        await Eventually.HoldsAsync(
            async () => Cursor.TryParse((await bucket.OnlyAsync()).Value) is { Open.IsEmpty: true } && Gateway.Calls.Count + await MissedAsync() > 0, "the claim has come to its end");
        DateTimeOffset[] fired = isFired ? [due] : [];
        Assert.Equal(fired, Gateway.Calls.Select(RunningCron.Due));
        Assert.Equal(isFired ? 0 : 1, await MissedAsync());
        Assert.Equal(isFired ? 1 : 0, await ValueAsync($"takeovers_total{{function_name=\"{name}.openfaas-fn\"}}"));

        Task<double> MissedAsync() => ValueAsync($"misfires_total{{function_name=\"{name}.openfaas-fn\",reason=\"missed\"}}");

        async Task<double> ValueAsync(string sample) => await cron.MetricAsync("cron_connector_" + sample) ?? 0;
    }
}
