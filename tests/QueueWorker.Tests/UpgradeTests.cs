using System.Collections.Concurrent;
using System.Globalization;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;

namespace Connectors.QueueWorker.Tests;

/// <summary>Replicas that come and go, and the mode switched, while calls keep coming.</summary>
public sealed class UpgradeTests(SharedNats nats, ITestOutputHelper output) : IClassFixture<SharedNats>
{
    // What counts as doubled here is not to be a lease that a busy machine was late to renew.
    private const string AckWait = "20s";

    [Theory]
    [InlineData("static")]
    [InlineData("function")]
    public async Task A_rolling_restart_of_three_replicas_loses_and_doubles_nothing(string mode)
    {
        await using var bench = await Bench.StartAsync(
            (_, http) => Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, http.RequestAborted), new() { ["scaling_mode"] = mode, ["ack_wait"] = AckWait, ["debug"] = "false" }, nats.Server);
        var replicas = new List<ServiceProcess> { bench.Worker, await bench.StartAnotherAsync(), await bench.StartAnotherAsync() };
        await using var load = new Load(bench);

        foreach (var replica in replicas)
        {
            Assert.Equal(0, await replica.TerminateAsync());
            await replica.StartAgainAsync();
        }

        var accepted = await load.StopAsync();
        await bench.IsEmptyAsync();

        output.WriteLine($"{mode}: {accepted} calls, {bench.Sends.Count} sends");
        Assert.Equal(accepted, bench.Sends.Select(s => s.Header("X-Delivery-Id")).Distinct().Count());
        Assert.Equal(accepted, bench.Sends.Count);
    }

    // A worker that was rolled back leaves its own behind.
    [Fact]
    public async Task Leases_are_renewed_as_the_shortest_ack_wait_asks_that_another_worker_has_left_in_the_consumer()
    {
        var gate = new TaskCompletionSource();
        await using var bench = await Bench.StartAsync(Bench.Behind(gate), new() { ["ack_wait"] = "1h", ["upstream_timeout"] = "10m" }, nats.Server);
        var other = await bench.StartAnotherAsync(new() { ["ack_wait"] = "3s" });
        Assert.Equal(0, await other.TerminateAsync());

        await bench.EnqueueAsync();
        await bench.Http.ReceivesAsync(1);
        await Eventually.HoldsAsync(async () => await bench.Worker.MetricAsync("queue_worker_lease_renewals_total") >= 3, "the lease is renewed");
        gate.SetResult();
        await bench.IsEmptyAsync();

        Assert.Single(bench.Sends);
    }

    [Fact]
    public async Task Switching_the_mode_there_and_back_loses_nothing_and_filters_never_overlap()
    {
        await using var bench = await Bench.StartAsync(
            (_, http) => Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, http.RequestAborted), new() { ["debug"] = "false", ["max_inflight"] = "10" }, nats.Server);
        var overlaps = new ConcurrentQueue<string>();
        using var watching = new CancellationTokenSource();
        var watch = WatchFiltersAsync(bench, overlaps, watching.Token);
        await using var load = new Load(bench);
        await bench.Http.ReceivesAsync(50);

        var function = await bench.StartAnotherAsync(new() { ["scaling_mode"] = "function" });
        await Eventually.HoldsAsync(() => Said(bench.Worker, "Queue went over to the other mode"), "the static worker stopped");
        var sends = bench.Sends.Count;
        await bench.Http.ReceivesAsync(sends + 100);
        await function.TerminateAsync();

        await bench.StartAnotherAsync(new() { ["scaling_mode"] = "static" });
        await Eventually.HoldsAsync(() => Said(bench.Worker, "Queue came back to this mode"), "the first worker goes on");
        var accepted = await load.StopAsync();
        await bench.IsEmptyAsync();
        await watching.CancelAsync();
        await watch;

        var doubled = bench.Sends.Count - accepted;
        output.WriteLine($"{accepted} calls, {doubled} run twice");
        Assert.Empty(overlaps);
        Assert.Equal(accepted, bench.Sends.Select(s => s.Header("X-Delivery-Id")).Distinct().Count());
        Assert.InRange(doubled, 0, 20);
        Assert.False(Said(function, "no answer in time"), $"the wait of the switch is taken for a silent broker:\n{function.Process.Tail()}");
        Assert.Equal("static", (await bench.JetStream.GetStreamAsync(bench.Calls)).Info.Config.Metadata![StreamNames.ModeKey]);
    }

    // Its consumer is gone, so its ack is not heard and it runs again; but not beside itself, unless it takes longer than a lease. Of two workers that start in the
    // other mode only one finds consumers to delete. How long the other one has to wait does not depend on the clocks of the two, which differ here by more than all of it.
    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, 31)]
    [InlineData(-31, 0)]
    public async Task What_runs_when_the_mode_is_switched_is_not_sent_again_before_its_lease_would_have_ended(int first, int second)
    {
        using SettableClock firstClock = new(), secondClock = new();
        firstClock.Set(TimeSpan.FromSeconds(first));
        secondClock.Set(TimeSpan.FromSeconds(second));
        var gate = new TaskCompletionSource();
        await using var bench = await Bench.StartAsync(Bench.Behind(gate), new() { ["ack_wait"] = "10s" }, nats.Server);
        var call = await bench.EnqueueAsync();
        await bench.Http.ReceivesAsync(1);

        await using var function = await ServiceProcess.StartAsync("QueueWorker", bench.Options(Function(firstClock)), ready: false);
        await function.Process.LineAsync(said => said.Contains("Mode is switched", StringComparison.Ordinal), "the mode is switched");
        await using var other = await ServiceProcess.StartAsync("QueueWorker", bench.Options(Function(secondClock)));
        await bench.Http.ReceivesAsync(2);
        gate.SetResult();
        await bench.IsEmptyAsync();

        var metadata = (await bench.JetStream.GetStreamAsync(bench.Calls)).Info.Config.Metadata!;
        var switched = DateTimeOffset.Parse(metadata[StreamNames.ModeSinceKey], CultureInfo.InvariantCulture);
        Assert.Equal([call.DeliveryId, call.DeliveryId], bench.Sends.Select(send => send.Header("X-Delivery-Id")));
        Assert.True(bench.Sends[1].At >= switched + TimeSpan.FromSeconds(10), $"switched at {switched:O}, sent again at {bench.Sends[1].At:O}");

        static Dictionary<string, string> Function(SettableClock clock) => new(clock.Environment) { ["scaling_mode"] = "function" };
    }

    [Fact]
    public async Task A_worker_whose_mode_comes_back_waits_for_one_lease_though_the_clock_of_who_switched_it_is_an_hour_ahead()
    {
        await using var bench = await Bench.StartAsync((_, _) => Task.CompletedTask, new() { ["ack_wait"] = "3s" }, nats.Server);
        await WriteAsync(bench, StreamNames.ModeKey, "function");
        await Eventually.HoldsAsync(() => Said(bench.Worker, "Queue went over to the other mode"), "the worker stopped");

        await WriteAsync(bench, StreamNames.ModeSinceKey, TimeProvider.System.GetUtcNow().AddHours(1).ToString("O", CultureInfo.InvariantCulture));
        await WriteAsync(bench, StreamNames.ModeKey, "static");
        await Eventually.HoldsAsync(() => Said(bench.Worker, "Queue came back to this mode"), "the worker goes on");
        await bench.EnqueueAsync();
        await bench.IsEmptyAsync();
    }

    [Fact]
    public async Task A_worker_that_waits_after_a_switch_takes_no_call_when_the_mode_is_another_again_by_then()
    {
        await using var bench = await Bench.StartAsync((_, _) => Task.CompletedTask, server: nats.Server);
        Assert.Equal(0, await bench.Worker.TerminateAsync());
        await using var function = await ServiceProcess.StartAsync("QueueWorker", bench.Options(new() { ["scaling_mode"] = "function" }), ready: false);
        await function.Process.LineAsync(said => said.Contains("Mode was switched", StringComparison.Ordinal), "it waits");

        await WriteAsync(bench, StreamNames.ModeKey, "static");
        await bench.EnqueueAsync();
        await Eventually.HoldsAsync(() => Said(function, "Queue went over to the other mode"), "it knows");

        Assert.Empty(bench.Sends);
    }

    private static async Task WriteAsync(Bench bench, string key, string value)
    {
        var config = (await bench.JetStream.GetStreamAsync(bench.Calls)).Info.Config;
        await bench.JetStream.UpdateStreamAsync(config with { Metadata = new Dictionary<string, string>(config.Metadata!) { [key] = value } });
    }

    private static bool Said(ServiceProcess worker, string words) => worker.Process.Lines.Any(l => l.Contains(words, StringComparison.Ordinal));

    private static async Task WatchFiltersAsync(Bench bench, ConcurrentQueue<string> overlaps, CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            var filters = new List<string>();
            try
            {
                await foreach (var consumer in bench.JetStream.ListConsumersAsync(bench.Calls, CancellationToken.None))
                {
                    filters.Add(consumer.Info.Config.FilterSubject ?? ">");
                }
            }
            catch (NatsException)
            {
                // Not answered in time: it looks again.
            }

            foreach (var (one, other) in from a in filters from b in filters where a != b select (a, b))
            {
                if (one.EndsWith('>') && other.StartsWith(one[..^1], StringComparison.Ordinal))
                {
                    overlaps.Enqueue($"{one} {other}");
                }
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, CancellationToken.None);
        }
    }

    /// <summary>About two hundred calls a second of ten functions, each under its own delivery id.</summary>
    private sealed class Load : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly Task<int> _running;

        public Load(Bench bench) => _running = RunAsync(bench);

        public async Task<int> StopAsync()
        {
            await _stop.CancelAsync();
            return await _running;
        }

        public async ValueTask DisposeAsync()
        {
            await StopAsync();
            _stop.Dispose();
        }

        private async Task<int> RunAsync(Bench bench)
        {
            var accepted = 0;
            using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(5), TimeProvider.System);
            while (!_stop.IsCancellationRequested && await timer.WaitForNextTickAsync(CancellationToken.None))
            {
                await bench.EnqueueAsync(Bench.Call(new FunctionName($"f{accepted % 10}", "openfaas-fn")));
                accepted++;
            }

            return accepted;
        }
    }
}
