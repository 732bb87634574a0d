using System.Collections.Concurrent;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Connectors.Cron.Tests.Ticking;

/// <summary>Ticks that were found at once and have to wait for the one slot: what holds when their turn comes is what counts.</summary>
public sealed class WaitingTicksTests : IAsyncLifetime
{
    private readonly MovableClock _clock = new(TimeSpan.Zero);
    private GatewayServer _gateway = null!; // set before each test

    public async ValueTask InitializeAsync() => _gateway = await GatewayServer.StartAsync();

    public ValueTask DisposeAsync() => _gateway.DisposeAsync();

    [Fact]
    public async Task Those_that_have_become_too_late_meanwhile_are_missed()
    {
        var name = "late" + Guid.NewGuid().ToString("N")[..6];
        await using var cron = await StartAsync(name, ("catch_up", "none"));
        var (release, before) = await HoldAsync(TimeSpan.FromSeconds(8));

        _clock.Ahead += TimeSpan.FromHours(1);
        var from = _clock.GetUtcNow().AddMinutes(-1);
        release();

        await _gateway.ReceivesAsync(1, call => RunningCron.Due(call) > from);
        Assert.DoesNotContain(_gateway.Calls.Skip(before), call => RunningCron.Due(call) < from);
        Assert.InRange(await cron.MetricAsync($"cron_connector_misfires_total{{function_name=\"{name}.openfaas-fn\",reason=\"missed\"}}") ?? 0, 1, 4_000);
    }

    // Late as it was before, it is tried for as long as another may be late.
    [Fact]
    public async Task One_that_is_caught_up_with_is_sent_again_while_nobody_takes_it()
    {
        var refusals = 2;
        var (refused, taken) = (new ConcurrentQueue<DateTimeOffset>(), new ConcurrentQueue<DateTimeOffset>());
        _gateway.Answer = (request, http) =>
        {
            var due = RunningCron.Due(request);
            if (_clock.GetUtcNow() - due < TimeSpan.FromSeconds(30) || Interlocked.Decrement(ref refusals) < 0)
            {
                taken.Enqueue(due);
                return Task.CompletedTask;
            }

            refused.Enqueue(due);
            http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            http.Response.Headers["X-OpenFaaS-Internal"] = "proxy";
            return Task.CompletedTask;
        };
        await using var cron = await StartAsync("caught", ("catch_up", "all"), ("catch_up_window", "1h"));
        await _gateway.ReceivesAsync(1);

        _clock.Ahead += TimeSpan.FromMinutes(2);

        await Eventually.HoldsAsync(() => refused.Count == 2 && refused.All(due => taken.Contains(due)), "what was refused is run after all");
        RunningCron.NoneTwice(_gateway.Calls.Where(call => !refused.Contains(RunningCron.Due(call))));
    }

    [Fact]
    public async Task Those_of_a_function_that_is_gone_meanwhile_are_not_fired()
    {
        await using var cron = await StartAsync("gone", ("catch_up", "all"), ("catch_up_window", "1h"));
        var (release, before) = await HoldAsync(TimeSpan.FromMinutes(5));

        _gateway.Functions = [RunningCron.Function("next", "* * * * * *")];
        await _gateway.IsPolledAsync();
        release();

        await _gateway.ReceivesAsync(1, call => call.Path == "/function/next.openfaas-fn");
        Assert.Equal(before, _gateway.Calls.Count(call => call.Path == "/function/gone.openfaas-fn"));
    }

    private Task<RunningConnector> StartAsync(string name, params (string Name, string Value)[] options)
    {
        _gateway.Functions = [RunningCron.Function(name, "* * * * * *")];
        return RunningConnector.StartAsync(builder =>
        {
            RunningCron.Register(builder, RunningConnector.Options(_gateway.Url) with { MaxInflight = 1 }, null, options);
            builder.Services.AddSingleton<TimeProvider>(_clock);
        });
    }

    // Lets so much time pass while the slot is taken, then takes it again by the first of the ticks that became due. Returns what lets that one go, and
    // how many calls there were with it.
    private async Task<(Action Release, int Calls)> HoldAsync(TimeSpan time)
    {
        var (first, second) = (new TaskCompletionSource(), new TaskCompletionSource());
        var held = 0;
        _gateway.Answer = (_, _) => Interlocked.Increment(ref held) switch { 1 => first.Task, 2 => second.Task, _ => Task.CompletedTask };
        await Eventually.HoldsAsync(() => Volatile.Read(ref held) == 1, "the slot is taken");
        _clock.Ahead += time;
        first.SetResult();
        await Eventually.HoldsAsync(() => Volatile.Read(ref held) == 2, "the slot is taken again");
        return (second.SetResult, _gateway.Calls.Count);
    }
}
