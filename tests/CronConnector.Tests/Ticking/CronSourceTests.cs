using System.Collections.Concurrent;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.Cron.Tests.Ticking;

public sealed class CronSourceTests : IAsyncLifetime
{
    private GatewayServer _gateway = null!; // set before each test

    public async ValueTask InitializeAsync() => _gateway = await GatewayServer.StartAsync();

    public ValueTask DisposeAsync() => _gateway.DisposeAsync();

    [Fact]
    public async Task A_function_is_called_at_each_due_second_and_told_which_it_is()
    {
        _gateway.Functions = [RunningCron.Function("a", "* * * * * *")];
        await using var cron = await RunningCron.StartAsync(_gateway.Url, null);

        await RunningCron.EachSecondAsync(() => _gateway.Calls, 4);

        var calls = _gateway.Calls;
        Assert.All(calls, call =>
        {
            Assert.Equal("/function/a.openfaas-fn", call.Path);
            Assert.Equal("cron-function", call.Header("X-Topic"));
            Assert.Equal("text/plain", call.Header("Content-Type"));
            Assert.Empty(call.Body);
            Assert.Matches("^cron:[A-Za-z0-9_-]{22}:", call.Header("Idempotency-Key"));
            Assert.True(call.At >= RunningCron.Due(call), "not before it is due");
        });
        RunningCron.NoneTwice(calls);
        Assert.Equal(calls.Count, calls.Select(c => c.Header("Idempotency-Key")).Distinct().Count());
    }

    [Fact]
    public async Task Body_content_type_and_mode_are_the_functions_own()
    {
        _gateway.Functions =
        [
            RunningCron.Function("a", "@every 1s", "com.openfaas.cron.body", "{\"ü\":1}", "com.openfaas.cron.content_type", "application/json", "com.openfaas.cron.async", "true"),
        ];
        await using var cron = await RunningCron.StartAsync(_gateway.Url, null);

        await _gateway.ReceivesAsync(1);

        var call = _gateway.Calls[0];
        Assert.Equal("/async-function/a.openfaas-fn", call.Path);
        Assert.Equal("{\"ü\":1}", call.Text);
        Assert.Equal("application/json", call.Header("Content-Type"));
    }

    [Fact]
    public async Task Changes_take_effect_at_the_next_rebuild_and_removed_functions_stop()
    {
        _gateway.Functions = [RunningCron.Function("a", "* * * * * *"), RunningCron.Function("b", "* * * * * *")];
        await using var cron = await RunningCron.StartAsync(_gateway.Url, null);
        await _gateway.ReceivesAsync(1, To("a"));

        _gateway.Functions = [RunningCron.Function("b", "* * * * * *"), RunningCron.Function("c", "* * * * * *")];

        // At the first call of c a tick of a may still be under way that was due before the change.
        await _gateway.ReceivesAsync(2, To("c"));
        var a = _gateway.Calls.Count(To("a"));
        await _gateway.ReceivesAsync(4, To("c"));

        Assert.Equal(a, _gateway.Calls.Count(To("a")));
        Assert.True(_gateway.Calls.Count(To("b")) >= 4);
    }

    [Fact]
    public async Task A_bad_schedule_disturbs_nobody_is_counted_and_heals()
    {
        _gateway.Functions = [RunningCron.Function("bad", "now and then"), RunningCron.Function("worse", "* * * * *", "timezone", "Nowhere"), RunningCron.Function("a", "* * * * * *")];
        await using var cron = await RunningCron.StartAsync(_gateway.Url, null);
        await _gateway.ReceivesAsync(1, To("a"));
        Assert.Equal(1, await cron.MetricAsync("cron_connector_bad_schedule{function_name=\"bad.openfaas-fn\",reason=\"syntax\"}"));
        Assert.Equal(1, await cron.MetricAsync("cron_connector_bad_schedule{function_name=\"worse.openfaas-fn\",reason=\"zone\"}"));

        _gateway.Functions = [RunningCron.Function("bad", "* * * * * *")];

        await _gateway.ReceivesAsync(1, To("bad"));
        Assert.Null(await cron.MetricAsync("cron_connector_bad_schedule{function_name=\"bad.openfaas-fn\",reason=\"syntax\"}"));
        Assert.Null(await cron.MetricAsync("cron_connector_bad_schedule{function_name=\"worse.openfaas-fn\",reason=\"zone\"}"));
    }

    [Fact]
    public async Task Firings_lateness_and_the_next_due_time_are_metrics()
    {
        var name = "metered" + Guid.NewGuid().ToString("N")[..6];
        _gateway.Functions = [RunningCron.Function(name, "*/2 * * * * *")];
        await using var cron = await RunningCron.StartAsync(_gateway.Url, null);

        await _gateway.ReceivesAsync(2);

        await Eventually.HoldsAsync(async () => await cron.MetricAsync($"cron_connector_firings_total{{function_name=\"{name}.openfaas-fn\",result=\"succeeded\"}}") >= 2, "two firings");
        var next = await cron.MetricAsync($"cron_connector_next_due_timestamp_seconds{{function_name=\"{name}.openfaas-fn\",schedule=\"*/2 * * * * *\"}}") ?? 0;
        Assert.Equal(0, next % 2);
        Assert.InRange(next, TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() - 60, TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() + 60);
        Assert.NotNull(await cron.MetricAsync("cron_connector_lateness_seconds_count"));
    }

    [Fact]
    public async Task Counts_of_a_function_begin_at_nothing_when_it_is_known_and_go_with_its_last_schedule()
    {
        var name = "counted" + Guid.NewGuid().ToString("N")[..6];
        string[] counts = ["firings_total succeeded", "firings_total failed", "misfires_total missed", "misfires_total overlap"];
        _gateway.Functions = [RunningCron.Function(name, "0 0 29 2 *")];
        await using var cron = await RunningCron.StartAsync(_gateway.Url, null);
        await Eventually.HoldsAsync(async () => (await CountsAsync()).All(count => count == 0), "nothing is counted, and shown");

        _gateway.Functions = [RunningCron.Function(name, "* * * * * *")];
        await _gateway.ReceivesAsync(1);
        _gateway.Functions = [RunningCron.Function(name, "0 0 29 2 *")];
        await Eventually.HoldsAsync(
            async () => await cron.MetricAsync($"cron_connector_next_due_timestamp_seconds{{function_name=\"{name}.openfaas-fn\",schedule=\"* * * * * *\"}}") is null, "the schedule is gone");
        await _gateway.IsPolledAsync();
        await Eventually.HoldsAsync(
            async () => await cron.MetricAsync($"cron_connector_firings_total{{function_name=\"{name}.openfaas-fn\",result=\"succeeded\"}}") == _gateway.Calls.Count, "what was due by it has ended");
        Assert.NotNull(await LastFiringAsync());

        _gateway.Functions = [];
        await Eventually.HoldsAsync(async () => (await CountsAsync()).All(count => count is null) && await LastFiringAsync() is null, "nothing is left of it");

        Task<double?> LastFiringAsync() => cron.MetricAsync($"cron_connector_last_firing_timestamp_seconds{{function_name=\"{name}.openfaas-fn\"}}");

        async Task<double?[]> CountsAsync() => await Task.WhenAll(counts.Select(count => count.Split(' ')).Select(words =>
            cron.MetricAsync($"cron_connector_{words[0]}{{function_name=\"{name}.openfaas-fn\",{(words[0] == "firings_total" ? "result" : "reason")}=\"{words[1]}\"}}")));
    }

    [Fact]
    public async Task A_tick_that_ends_after_its_function_is_gone_brings_nothing_of_it_back()
    {
        var name = "gone" + Guid.NewGuid().ToString("N")[..6];
        var release = new TaskCompletionSource();
        _gateway.Functions = [RunningCron.Function(name, "* * * * * *")];
        _gateway.Answer = (_, _) => release.Task;
        await using var cron = await RunningCron.StartAsync(_gateway.Url, null);
        await _gateway.ReceivesAsync(1);
        _gateway.Functions = [];
        await Eventually.HoldsAsync(async () => await FiredAsync(cron) is null, "it is gone");

        // Once the connector is stopped its tick has ended; another one of this process shows what was counted.
        await using var other = await RunningCron.StartAsync(_gateway.Url, null);
        release.SetResult();
        await cron.StopAsync();

        Assert.Null(await FiredAsync(other));
        Assert.Null(await other.MetricAsync($"cron_connector_last_firing_timestamp_seconds{{function_name=\"{name}.openfaas-fn\"}}"));

        Task<double?> FiredAsync(RunningConnector connector) => connector.MetricAsync($"cron_connector_firings_total{{function_name=\"{name}.openfaas-fn\",result=\"succeeded\"}}");
    }

    // Without an answer, and by one of the platform's own that does not say that nobody took it, it may have been run.
    [Theory]
    [InlineData(503, null)]
    [InlineData(429, null)]
    [InlineData(502, "gateway")]
    [InlineData(500, "proxy")]
    [InlineData(0, null)]
    public async Task A_call_that_is_waited_for_is_made_once_if_its_function_may_have_seen_it(int status, string? source)
    {
        _gateway.Functions = [RunningCron.Function("a", "* * * * * *")];
        _gateway.Answer = (_, http) =>
        {
            if (status == 0)
            {
                http.Abort();
                return Task.CompletedTask;
            }

            return Status(http, status, source);
        };
        await using var cron = await RunningCron.StartAsync(_gateway.Url, null);

        await _gateway.ReceivesAsync(4);

        RunningCron.NoneTwice(_gateway.Calls);
    }

    [Theory]
    [InlineData(429, "faas-middleware")]
    [InlineData(503, "proxy")]
    public async Task A_call_that_is_waited_for_is_sent_again_while_nobody_takes_it(int status, string source)
    {
        _gateway.Functions = [RunningCron.Function("a", "* * * * * *")];
        var refusals = 3;
        var (refused, taken) = (new ConcurrentQueue<RecordedRequest>(), new ConcurrentQueue<RecordedRequest>());
        _gateway.Answer = (request, http) =>
        {
            if (Interlocked.Decrement(ref refusals) >= 0)
            {
                refused.Enqueue(request);
                return Status(http, status, source);
            }

            taken.Enqueue(request);
            return Task.CompletedTask;
        };
        await using var cron = await RunningCron.StartAsync(_gateway.Url, null, ("misfire_threshold", "1m"));

        await Eventually.HoldsAsync(
            () => refused.Count == 3 && refused.All(r => taken.Any(t => RunningCron.Due(t) == RunningCron.Due(r))), "what was refused is run after all");

        RunningCron.NoneTwice(taken);
    }

    [Fact]
    public async Task What_became_due_while_the_gateway_was_away_is_called_once_it_is_back_and_not_twice()
    {
        _gateway.Functions = [RunningCron.Function("a", "* * * * * *")];
        await using var cron = await RunningCron.StartAsync(_gateway.Url, null, ("misfire_threshold", "1m"));
        await _gateway.ReceivesAsync(1);

        // One that is under way when the gateway stops may come once more: nobody heard that it was taken.
        await _gateway.StopAsync();
        var taken = _gateway.Calls.Count;
        await Eventually.HoldsAsync(() => Unreached(cron).Distinct().Count() >= 3, "three come to nobody");
        await _gateway.StartAgainAsync();

        await RunningCron.EachSecondAsync(() => _gateway.Calls, 8);
        RunningCron.NoneTwice(_gateway.Calls.Skip(taken));
    }

    [Fact]
    public async Task A_call_that_is_enqueued_is_repeated_under_its_id_until_it_is_taken()
    {
        _gateway.Functions = [RunningCron.Function("a", "*/30 * * * * *")];
        var failures = 3;
        _gateway.Answer = (_, http) => Interlocked.Decrement(ref failures) >= 0 ? Status(http, 503) : Task.CompletedTask;
        await using var cron = await RunningCron.StartAsync(_gateway.Url, null, ("asynchronous_invocation", "true"));

        await _gateway.ReceivesAsync(4);

        Assert.Single(_gateway.Calls.Take(4).Select(c => c.Header("Idempotency-Key")).Distinct());
    }

    [Fact]
    public async Task Runs_may_overlap_unless_that_is_forbidden()
    {
        var name = "alone" + Guid.NewGuid().ToString("N")[..6];
        var release = new TaskCompletionSource();
        _gateway.Functions = [RunningCron.Function("a", "* * * * * *"), RunningCron.Function(name, "* * * * * *", "com.openfaas.cron.overlap", "forbid")];
        _gateway.Answer = (_, _) => release.Task;
        await using var cron = await RunningCron.StartAsync(_gateway.Url, null);

        await _gateway.ReceivesAsync(4, To("a"));
        Assert.Equal(1, _gateway.Calls.Count(To(name)));
        release.SetResult();

        await _gateway.ReceivesAsync(3, To(name));
        Assert.True(await cron.MetricAsync($"cron_connector_misfires_total{{function_name=\"{name}.openfaas-fn\",reason=\"overlap\"}}") >= 1);
    }

    [Fact]
    public async Task A_zone_of_its_own_and_several_schedules()
    {
        // Due each second of this hour where the clock shows it, and never in the other zone, where the hour is another one.
        var there = TimeZoneInfo.FindSystemTimeZoneById("Asia/Kolkata");
        var hour = TimeZoneInfo.ConvertTime(TimeProvider.System.GetUtcNow(), there).Hour;
        _gateway.Functions =
        [
            RunningCron.Function("here", $"* * {hour},{(hour + 1) % 24} * * *; 0 0 0 29 2 *", "timezone", "Asia/Kolkata"),
            RunningCron.Function("elsewhere", $"TZ=UTC * * {hour},{(hour + 1) % 24} * * *", "timezone", "Asia/Kolkata"),
        ];
        await using var cron = await RunningCron.StartAsync(_gateway.Url, null);

        await _gateway.ReceivesAsync(3, To("here"));

        Assert.DoesNotContain(_gateway.Calls, call => To("elsewhere")(call));
    }

    private static Func<RecordedRequest, bool> To(string name) => call => call.Path.EndsWith($"/{name}.openfaas-fn", StringComparison.Ordinal);

    // The ids of the ticks that found no connection.
    private static IEnumerable<string> Unreached(RunningConnector cron) =>
        from line in cron.Lines
        where line.StartsWith("Invoked", StringComparison.Ordinal) && line.Contains(" status=503 ", StringComparison.Ordinal)
        select line.Split(" eventId=")[1].Split(' ')[0];

    private static Task Status(HttpContext http, int status, string? source = null)
    {
        if (source is not null)
        {
            http.Response.Headers["X-OpenFaaS-Internal"] = source;
        }

        http.Response.StatusCode = status;
        return Task.CompletedTask;
    }
}
