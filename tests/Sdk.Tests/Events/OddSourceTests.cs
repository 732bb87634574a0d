using Connectors.Sdk.Events;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Connectors.Sdk.Tests.Events;

/// <summary>What a source of somebody else's may do that ours do not: it costs one event at most, and the others go on.</summary>
public sealed class OddSourceTests : IAsyncLifetime
{
    private readonly ScriptedSource _source = new();
    private GatewayServer _gateway = null!; // set before each test

    public async ValueTask InitializeAsync() => _gateway = await GatewayServer.StartAsync(ListedFunction.Wanting("orders", "a"));

    public ValueTask DisposeAsync() => _gateway.DisposeAsync();

    // -1 is what no end of a wait is written as.
    [Theory]
    [InlineData(-5000)]
    [InlineData(-1)]
    public async Task A_delay_below_zero_is_none(int milliseconds)
    {
        var failures = 2;
        _gateway.Answer = (_, http) =>
        {
            http.Response.StatusCode = Interlocked.Decrement(ref failures) >= 0 ? StatusCodes.Status500InternalServerError : StatusCodes.Status200OK;
            return Task.CompletedTask;
        };
        await using var connector = await StartAsync();

        _source.Give("1", onFail: (_, _) => TimeSpan.FromMilliseconds(milliseconds));

        await SettlesAsync("1 completed");
        Assert.Equal(["1 failed 500 1", "1 failed 500 2", "1 completed"], _source.Settled);
    }

    [Fact]
    public async Task A_delay_longer_than_timers_take_lasts_until_the_process_stops()
    {
        _gateway.Answer = (_, http) =>
        {
            http.Response.StatusCode = StatusCodes.Status500InternalServerError;
            return Task.CompletedTask;
        };
        await using var connector = await StartAsync();
        _source.Give("1", onFail: (_, _) => TimeSpan.MaxValue);
        await SettlesAsync("1 failed 500 1");

        await connector.StopAsync();

        Assert.Equal(["1 failed 500 1", "1 abandoned"], _source.Settled);
    }

    [Fact]
    public async Task The_same_object_yielded_again_after_its_end_is_run_anew()
    {
        await using var connector = await StartAsync();
        var same = _source.Create(new Event { Id = "1", Topic = "orders" });
        _source.Do(() => same);
        await SettlesAsync("1 completed");

        _source.Do(() => same);

        await Eventually.HoldsAsync(() => _source.Settled.Count == 2, "it has come to its end again");
        Assert.Equal(["1 completed", "1 completed"], _source.Settled);
        Assert.Equal(2, _gateway.Calls.Select(call => call.CallId).Distinct().Count());
    }

    [Fact]
    public async Task One_that_could_not_be_completed_and_is_yielded_again_is_completed_without_another_call()
    {
        await using var connector = await StartAsync();
        var same = _source.Create(new Event { Id = "unsettleable", Topic = "orders" });
        _source.Do(() => same);
        await connector.SaysAsync("Event not settled");

        _source.Do(() => same);

        await Eventually.HoldsAsync(() => _source.Settled.Count == 2, "it is tried again");
        Assert.Single(_gateway.Calls);
    }

    [Fact]
    public async Task Null_counts_as_a_source_that_threw()
    {
        await using var connector = await StartAsync();

        _source.Do(() => null!);
        _source.Give("2");

        await SettlesAsync("2 completed");
        Assert.Equal(2, _source.Readings);
        Assert.Contains(connector.Lines, line => line.Contains("Event source failed", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("topic")]
    [InlineData("headers")]
    public async Task An_event_that_cannot_be_run_is_given_back_and_its_key_goes_on(string missing)
    {
        await using var connector = await StartAsync();

        _source.Give("1", key: "k", with: e => missing == "topic" ? e with { Topic = null! } : e with { Headers = null! });
        _source.Give("2", key: "k");

        await SettlesAsync("1 abandoned", "2 completed");
        Assert.Equal(2, _source.Settled.Count);
        Assert.Equal(1, _source.Readings);
        Assert.Contains(connector.Lines, line => line.Contains("Event not run, given back to its source", StringComparison.Ordinal));
    }

    // What it is given back by throws then, too.
    [Fact]
    public async Task What_has_no_event_at_all_disturbs_none_of_its_key()
    {
        await using var connector = await StartAsync();

        _source.Do(() => _source.Create(null!, key: "k"));
        _source.Give("2", key: "k");

        await SettlesAsync("2 completed");
        Assert.Equal(1, _source.Readings);
    }

    private Task<RunningConnector> StartAsync() => RunningConnector.StartAsync(builder =>
    {
        builder.AddConnector<ScriptedSource>(RunningConnector.Options(_gateway.Url));
        builder.Services.AddSingleton<IEventSource>(_source);
    });

    private Task SettlesAsync(params string[] settled) => Eventually.HoldsAsync(
        () => !settled.Except(_source.Settled).Any(),
        () => $"settled {string.Join(", ", settled)}; so far {string.Join(", ", _source.Settled)}");
}
