using System.Globalization;
using Connectors.RabbitMq.Broker;
using Connectors.RabbitMq.Consuming;
using Connectors.Sdk.Hosting;
using Connectors.Testing;
using Microsoft.AspNetCore.Builder;
using RabbitMQ.Client;

namespace Connectors.RabbitMq.Tests;

/// <summary>What every event source promises, over a classic queue.</summary>
public class RabbitMqSourceTests(SharedBroker broker) : EventSourceContract
{
    private string _queue = "";
    private int _next;

    protected override string Topic => _queue;

    protected virtual (string, object?)[] Arguments => [];

    [Fact]
    public Task What_no_function_wants_stays_for_the_next() => CheckUnwantedStaysAsync();

    public override async ValueTask InitializeAsync()
    {
        _queue = await broker.CreateAsync("contract", Arguments);
        await base.InitializeAsync();
    }

    protected override void Register(WebApplicationBuilder builder, ConnectorOptions options) => Running.Register(builder, Running.Options(
        ("rabbitmq_url", broker.Server.Url), ("queues", _queue), ("initial_retry_wait", "50ms"), ("max_retry_wait", "200ms"), ("max_retry_attempts", "1000")) with
    { Connector = options });

    protected override async Task<string> HappenAsync(string key, byte[] body)
    {
        var id = (_next++).ToString(CultureInfo.InvariantCulture);
        await broker.Client.SendAsync(_queue, body, new BasicProperties { MessageId = id });
        return MessageEvent.Id(new QueueMessage(0, false, "", "", new MessageProperties { MessageId = id }, body), _queue);
    }

    // What no header can carry, in a name, a value and every property.
    protected override Task HappenBrokenAsync() => broker.Client.SendAsync(_queue, [0, 0xff, 0xfe], new BasicProperties
    {
        MessageId = "a\r\nX-Injected: 1",
        ContentType = "no type\r\n",
        CorrelationId = "\u4e16",
        Headers = new Dictionary<string, object?> { ["na\r\nX-Injected: 1"] = "va\r\nX-Injected: 1\r\n\r\n", ["bytes"] = new byte[] { 0, 0xff }, ["none"] = null },
    });
}

/// <summary>What every event source promises, over a quorum queue.</summary>
public class QuorumQueueSourceTests(SharedBroker broker) : RabbitMqSourceTests(broker)
{
    protected override (string, object?)[] Arguments => [("x-queue-type", "quorum")];
}
