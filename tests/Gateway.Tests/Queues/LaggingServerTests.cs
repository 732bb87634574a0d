using System.Text.Json.Nodes;
using Connectors.Testing;

namespace Connectors.Gateway.Tests.Queues;

/// <summary>Calls that are looked up on a server that lags behind their stream's leader: what it does not know yet is there all the same.</summary>
public sealed class LaggingServerTests : IAsyncLifetime
{
    private const int Calls = 70;
    private const int Known = 5;

    private ProxiedGateway _system = null!;
    private DeadLetterSeed _seed = null!;

    public async ValueTask InitializeAsync()
    {
        _system = await ProxiedGateway.StartAsync();
        _seed = await new DeadLetterSeed(_system.Stored.JetStream, "lags").CreateAsync();
    }

    public ValueTask DisposeAsync() => _system.DisposeAsync();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Delayed_calls_are_listed_to_the_last(ulong known)
    {
        foreach (var id in new[] { "a", "b", "c" })
        {
            await _seed.DelayedAsync(DeadLetterSeed.Call(id: id));
        }

        _system.Proxy.EndLookups("OF_lags_ASIDE", known);
        var all = await _system.Gateway.SystemJsonAsync("queues/lags/delayed");
        var page = await _system.Gateway.SystemJsonAsync("queues/lags/delayed?limit=2");
        var rest = await _system.Gateway.SystemJsonAsync($"queues/lags/delayed?after={page["next"]}");

        Assert.Equal(["a", "b", "c"], Ids(all));
        Assert.Equal(["a", "b"], Ids(page));
        Assert.Equal(["c"], Ids(rest));
        Assert.Null(all["next"]);
        Assert.Null(rest["next"]);
    }

    [Theory]
    [InlineData("", Calls)]
    [InlineData("&function=last", 1)]
    public async Task Waiting_calls_are_counted_to_the_last(string filter, int expected)
    {
        await FillAsync();
        _system.Proxy.EndLookups("OF_lags", Known);

        var counted = await _system.Gateway.SystemJsonAsync($"calls/cancellations/count?queue=lags{filter}");

        Assert.Equal((expected, true), ((int)counted["count"]!, (bool)counted["isComplete"]!));
    }

    [Fact]
    public async Task A_waiting_call_is_found()
    {
        await FillAsync();
        _system.Proxy.EndLookups("OF_lags", Known);

        var found = await _system.Gateway.SystemJsonAsync("calls/the-last");

        Assert.Equal("waiting", (string)Assert.Single(found["calls"]!.AsArray())!["state"]!);
    }

    private async Task FillAsync()
    {
        for (var i = 1; i < Calls; i++)
        {
            await _seed.WaitingAsync(DeadLetterSeed.Call("first"));
        }

        await _seed.WaitingAsync(DeadLetterSeed.Call("last", "the-last"));
    }

    private static string[] Ids(JsonNode page) => [.. page["items"]!.AsArray().Select(item => (string)item!["callId"]!)];
}
