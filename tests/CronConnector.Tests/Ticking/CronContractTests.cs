using Connectors.Sdk.Hosting;
using Connectors.Testing;
using Microsoft.AspNetCore.Builder;

namespace Connectors.Cron.Tests.Ticking;

/// <summary>The contract of event sources, with cursors in NATS and calls that are enqueued: an event happens when a second is due.</summary>
public sealed class CronContractTests : EventSourceContract
{
    private NatsServer _nats = null!; // set before each test

    protected override string Topic => "cron-function";

    [Fact]
    public Task Events_of_one_key_are_first_delivered_in_order_even_when_some_fail() => CheckOrderAsync();

    protected override string[] Annotations => ["schedule", "* * * * * *", "com.openfaas.cron.catch_up", "all"];

    public override async ValueTask InitializeAsync()
    {
        _nats = await NatsServer.StartAsync();
        await base.InitializeAsync();
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _nats.DisposeAsync();
    }

    protected override void Register(WebApplicationBuilder builder, ConnectorOptions options) =>
        RunningCron.Register(builder, options, _nats, ("asynchronous_invocation", "true"));

    // A key is a function; its event is the next second that is due, whose id the ids of seconds gone tell.
    protected override async Task<string> HappenAsync(string key, byte[] body)
    {
        var name = key == "key" ? "receiver" : key;
        if (Gateway.Functions.All(f => f.Name != name))
        {
            Gateway.Functions = [.. Gateway.Functions, ListedFunction.Wanting(Topic, name, Annotations)];
        }

        var known = await Eventually.GetAsync(() => Task.FromResult(Gateway.Calls.FirstOrDefault(c => c.Path.EndsWith($"/{name}.openfaas-fn", StringComparison.Ordinal))), "a second was due");
        var next = TimeProvider.System.GetUtcNow().AddSeconds(1);
        await Eventually.HoldsAsync(() => TimeProvider.System.GetUtcNow() >= next, "the next second");
        return $"{Id(known)[..28]}{next:yyyy-MM-dd'T'HH:mm:ss'Z'}";
    }

    protected override Task HappenBrokenAsync()
    {
        Gateway.Functions = [.. Gateway.Functions, RunningCron.Function("broken", "\u0001\r\nX-Injected: 1"), RunningCron.Function("odd", "* * * * * *", "com.openfaas.cron.content_type", "a\r\nX-Injected: 1")];
        return Gateway.IsPolledAsync();
    }
}
