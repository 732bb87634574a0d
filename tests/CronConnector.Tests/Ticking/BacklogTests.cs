using Connectors.Cron.Cursors;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.Cron.Tests.Ticking;

/// <summary>One schedule has two hours of seconds to catch up with, more than there are slots: the other one beside it ticks as if it were alone.</summary>
public sealed class BacklogTests : CronTest
{
    private static readonly (string, string)[] Options = [("catch_up_window", "3h"), ("misfire_threshold", "30s")];

    private readonly string _run = Guid.NewGuid().ToString("N")[..6];
    private int _before;

    private string Behind => $"behind{_run}";

    private string Beside => $"beside{_run}";

    [Fact]
    public async Task A_schedule_beside_one_that_catches_up_misses_nothing()
    {
        // So slow that there is work for a minute at least.
        Gateway.Answer = (call, http) => IsOf(call, Behind) ? Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, http.RequestAborted) : Task.CompletedTask;
        await using var cron = await StartBehindAsync();

        await RunningCron.EachSecondAsync(() => Calls(Beside), 8);

        var caughtUp = Calls(Behind).Select(RunningCron.Due).ToList();
        Assert.NotEmpty(caughtUp);
        Assert.True(caughtUp[^1] < TimeProvider.System.GetUtcNow().AddHours(-1), $"there is a backlog still: {caughtUp.Count} of it are called");
        Assert.Equal(Enumerable.Range(0, caughtUp.Count).Select(i => caughtUp[0].AddSeconds(i)), caughtUp);
        Assert.Equal(0, await MissedAsync(cron, Beside));
        Assert.Equal(0, await MissedAsync(cron, Behind));
    }

    [Fact]
    public async Task A_schedule_beside_one_whose_calls_are_refused_misses_nothing()
    {
        var isRefused = true;
        Gateway.Answer = (call, http) =>
        {
            http.Response.StatusCode = IsOf(call, Behind) && Volatile.Read(ref isRefused) ? StatusCodes.Status503ServiceUnavailable : http.Response.StatusCode;
            return Task.CompletedTask;
        };
        await using var cron = await StartBehindAsync();

        await RunningCron.EachSecondAsync(() => Calls(Beside), 8);
        Assert.Equal(0, await MissedAsync(cron, Beside));
        Assert.Single(Calls(Behind).Select(RunningCron.Due).Distinct());

        Volatile.Write(ref isRefused, false);
        await Eventually.HoldsAsync(() => Calls(Behind).Select(RunningCron.Due).Distinct().Count() >= 20, "the one behind goes on");
        var caughtUp = Calls(Behind).Select(RunningCron.Due).Distinct().ToList();
        Assert.Equal(Enumerable.Range(0, caughtUp.Count).Select(i => caughtUp[0].AddSeconds(i)), caughtUp);
    }

    [Fact]
    public async Task A_schedule_beside_one_whose_calls_are_waited_for_and_do_not_end_misses_nothing()
    {
        var isHeld = false;
        var release = new TaskCompletionSource();
        Gateway.Answer = (call, _) => Volatile.Read(ref isHeld) && IsOf(call, Behind) ? release.Task : Task.CompletedTask;
        await using var cron = await StartBehindAsync(asynchronous: false);
        Volatile.Write(ref isHeld, true);

        await RunningCron.EachSecondAsync(() => Calls(Beside), 8);
        Assert.Equal(0, await MissedAsync(cron, Beside));
        var held = Calls(Behind).Count;

        release.SetResult();
        await Eventually.HoldsAsync(() => Calls(Behind).Count >= held + 50, "the one behind goes on");
        RunningCron.NoneTwice(Calls(Behind));
        Assert.Equal(0, await MissedAsync(cron, Behind));
    }

    // Two connectors: the first makes the cursor, which then is two hours back for the second.
    private async Task<RunningConnector> StartBehindAsync(bool asynchronous = true)
    {
        var behind = RunningCron.Function(Behind, "* * * * * *", "com.openfaas.cron.async", asynchronous ? "true" : "false", "com.openfaas.cron.catch_up", "all");
        Gateway.Functions = [behind];
        await using var bucket = new CursorBucket(Nats);
        await using (await RunningCron.StartAsync(Gateway.Url, Nats, Options))
        {
            await Eventually.HoldsAsync(async () => (await bucket.OnlyAsync(Behind)).Value.Length > 0, "there is a cursor");
        }

        var (key, _) = await bucket.OnlyAsync(Behind);
        var back = TimeProvider.System.GetUtcNow().AddHours(-2);
        await bucket.WriteAsync(key, Cursor.Text(back));
        _before = Gateway.Calls.Count;
        Gateway.Functions = [behind, RunningCron.Function(Beside, "* * * * * *")];
        return await RunningCron.StartAsync(Gateway.Url, Nats, Options);
    }

    private List<RecordedRequest> Calls(string function) => [.. Gateway.Calls.Skip(_before).Where(call => IsOf(call, function))];

    private static bool IsOf(RecordedRequest call, string function) => call.Path.EndsWith($"/{function}.openfaas-fn", StringComparison.Ordinal);

    private static async Task<double> MissedAsync(RunningConnector cron, string function) =>
        await cron.MetricAsync($"cron_connector_misfires_total{{function_name=\"{function}.openfaas-fn\",reason=\"missed\"}}") ?? 0;
}
