using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Connectors.Sdk.Tests.Events;

/// <summary>The contract holds for the smallest source, so what it asks for is the pump's doing.</summary>
public class InMemorySourceTests : EventSourceContract
{
    private readonly InMemoryBroker _broker = new();

    protected override string Topic => "memories";

    [Fact]
    public Task Events_of_one_key_are_first_delivered_in_order_even_when_some_fail() => CheckOrderAsync();

    protected override void Register(WebApplicationBuilder builder, ConnectorOptions options)
    {
        builder.Services.AddSingleton(_broker);
        builder.AddConnector<InMemorySource>(options);
    }

    protected override Task<string> HappenAsync(string key, byte[] body) => Task.FromResult(_broker.Add(Topic, key, body));

    protected override Task HappenBrokenAsync() => Task.FromResult(_broker.Add(
        Topic, "broken", [0, 0xff], new("größe", "\u4e16\u754c"), new("X Odd\r\nX-Injected", "a\r\nX-Injected: 1"), new("", "no name"), new("traceparent", "\u0001")));
}
