using Connectors.Sdk.Events;
using Connectors.Sdk.Invocation;
using Connectors.Sdk.Topics;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Connectors.Sdk.Tests.Events;

/// <summary>A function that is replaced is missing from a list or two: what it has not taken is not done by that, though another function took it.</summary>
public sealed class ReplacedFunctionTests : IAsyncLifetime
{
    private static readonly TopicMap Both = Map("a", "b");

    private readonly ScriptedSource _source = new();
    private GatewayServer _gateway = null!; // set before each test
    private RunningConnector _connector = null!; // set before each test
    private LatestTopicMap _latest = null!; // set before each test
    private bool _isMended;
    private bool _isDown;

    public async ValueTask InitializeAsync()
    {
        _gateway = await GatewayServer.StartAsync(ListedFunction.Wanting("orders", "a"), ListedFunction.Wanting("orders", "b"));
        _gateway.Answer = (request, http) =>
        {
            if (!IsOfB(request) || Volatile.Read(ref _isMended))
            {
                return Task.CompletedTask;
            }

            http.Response.StatusCode = StatusCodes.Status500InternalServerError;
            if (Volatile.Read(ref _isDown))
            {
                http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
                http.Response.Headers["X-OpenFaaS-Internal"] = "proxy";
            }

            return Task.CompletedTask;
        };

        // The lists are the test's own, after the first.
        _connector = await RunningConnector.StartAsync(builder =>
        {
            builder.AddConnector<ScriptedSource>(RunningConnector.Options(_gateway.Url) with { RebuildInterval = TimeSpan.FromDays(1) });
            builder.Services.AddSingleton<IEventSource>(_source);
        });
        _latest = _connector.Services.GetRequiredService<LatestTopicMap>();
        _source.Give("1", onFail: (_, _) => TimeSpan.FromMilliseconds(10));
        await Eventually.HoldsAsync(() => _source.Settled.Contains("1 failed 500 1"), "a took it, and b did not");
        _latest.Swap(Map("a"));
        await Eventually.HoldsAsync(() => _source.Settled.Any(s => s.StartsWith("1 failed 503", StringComparison.Ordinal)), "it waits for b");
    }

    public async ValueTask DisposeAsync()
    {
        await _connector.DisposeAsync();
        await _gateway.DisposeAsync();
    }

    [Fact]
    public async Task It_takes_the_event_when_it_is_back()
    {
        Volatile.Write(ref _isMended, true);
        _latest.Swap(Both);

        await Eventually.HoldsAsync(() => _source.Settled.Contains("1 completed"), "it is done");
        Assert.True(IsOfB(_gateway.Calls[^1]));
        Assert.Single(_gateway.Calls, call => !IsOfB(call));
    }

    [Fact]
    public async Task One_that_is_listed_no_more_is_waited_for_no_longer()
    {
        _latest.Swap(Map("a"));
        var waits = _source.Settled.Count;
        await Eventually.HoldsAsync(() => _source.Settled.Count > waits + 1, "it still waits");
        Assert.DoesNotContain("1 completed", _source.Settled);

        _latest.Swap(Map("a"));

        await Eventually.HoldsAsync(() => _source.Settled.Contains("1 completed"), "it is done");
    }

    // One that is about to be deleted may have nobody to take a call already.
    [Fact]
    public async Task One_that_did_not_run_it_is_waited_for_too()
    {
        Volatile.Write(ref _isDown, true);
        _latest.Swap(Both);
        _source.Give("2", onFail: (_, _) => TimeSpan.FromMilliseconds(10));
        await Eventually.HoldsAsync(() => _source.Settled.Contains("2 failed 503 1"), "a took it, and b did not run it");
        _latest.Swap(Map("a"));
        var waits = Waits();
        await Eventually.HoldsAsync(() => Waits() > waits + 1, "it waits for b");
        Assert.DoesNotContain("2 completed", _source.Settled);

        Volatile.Write(ref _isMended, true);
        _latest.Swap(Both);

        await Eventually.HoldsAsync(() => _source.Settled.Contains("2 completed"), "it is done");
        Assert.Equal(2, _gateway.Calls.Count(call => !IsOfB(call)));

        int Waits() => _source.Settled.Count(s => s.StartsWith("2 failed", StringComparison.Ordinal));
    }

    private static bool IsOfB(RecordedRequest request) => request.Path.Contains("/b.", StringComparison.Ordinal);

    private static TopicMap Map(params string[] functions) => new(
        functions.Select(name => new Function(new FunctionName(name, "openfaas-fn"), new Dictionary<string, string> { ["topic"] = "orders" })), ",", withPatterns: false);
}
