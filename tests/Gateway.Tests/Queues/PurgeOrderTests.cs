using System.Net;
using Connectors.Testing;

namespace Connectors.Gateway.Tests.Queues;

/// <summary>Calls that come in, or are put aside, while a purge is under way (R16 of docs/delivery-states.md).</summary>
public sealed class PurgeOrderTests : IAsyncLifetime
{
    private ProxiedGateway _system = null!;

    public async ValueTask InitializeAsync()
    {
        _system = await ProxiedGateway.StartAsync();
    }

    public ValueTask DisposeAsync() => _system.DisposeAsync();

    [Theory]
    [InlineData("")]
    [InlineData("?function=busy")]
    public async Task R16_a_call_that_comes_in_once_the_others_are_removed_waits(string filter)
    {
        await using var other = await TestGateway.StartAsync(_system.Nats);
        await other.DeployAsync("busy", "cat", annotations: new Dictionary<string, string> { ["com.openfaas.queue"] = "busy" });
        var earlier = await CallAsync(other);
        var held = _system.Proxy.Hold("$KV.OF_results.purged.");

        var purging = PurgeAsync("busy", filter);
        await held.Reached;
        var later = await CallAsync(other);
        held.Release();

        Assert.Equal("""{"purged":1}""", await purging);
        await Eventually.HoldsAsync(async () => await StateAsync(other, earlier) == "purged", "the earlier one is told as purged");
        Assert.Equal("queued", await StateAsync(other, later));
        Assert.Equal(1ul, await _system.Stored.CountAsync("busy"));
    }

    [Theory]
    [InlineData("", 3, 1)]
    [InlineData("?function=echo", 2, 2)]
    public async Task R16_a_call_that_is_held_when_the_waiting_ones_are_removed_goes_with_them(string filter, int purged, int left)
    {
        var seed = await new DeadLetterSeed(_system.Stored.JetStream, "busy").CreateAsync();
        await seed.WaitingAsync(DeadLetterSeed.Call());
        var held = _system.Proxy.Hold("$JS.API.STREAM.PURGE.OF_busy ");

        var purging = PurgeAsync("busy", filter);
        await held.Reached;
        await seed.HeldAsync(DeadLetterSeed.Call());
        await seed.HeldAsync(DeadLetterSeed.Call("other"));
        await seed.DelayedAsync(DeadLetterSeed.Call());
        held.Release();

        Assert.Equal($$"""{"purged":{{purged}}}""", await purging);
        Assert.Equal((0, left), (await seed.CountAsync("OF_busy"), await seed.CountAsync("OF_busy_ASIDE")));
    }

    private Task<string> PurgeAsync(string queue, string filter) => _system.Gateway.SystemAsync(HttpMethod.Delete, $"queues/{queue}/calls{filter}");

    // Accepted, with its result to be kept.
    private static async Task<string> CallAsync(TestGateway gateway)
    {
        using var accepted = await gateway.PostAsync("/async-function/busy", "hi", ("X-Store-Result", "10m"));
        Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
        return accepted.Headers.GetValues("X-Call-Id").Single();
    }

    private static async Task<string> StateAsync(TestGateway gateway, string id)
    {
        using var answer = await gateway.SendAsync(HttpMethod.Get, "/async-function/" + id);
        return answer.Headers.GetValues("X-Call-State").Single();
    }
}
