using Confluent.Kafka;
using Connectors.Sdk.Hosting;
using Connectors.Testing;
using Microsoft.AspNetCore.Builder;

namespace Connectors.Kafka.Tests;

/// <summary>The contract of all event sources, with keys run in parallel: what it says of keys is what Kafka promises with <c>concurrency=key</c>.</summary>
public class KafkaSourceTests : EventSourceContract
{
    private MockKafka _kafka = null!; // set before each test
    private IProducer<string?, byte[]?> _producer = null!; // set before each test

    protected override string Topic => "orders";

    [Fact]
    public Task Events_of_one_key_are_first_delivered_in_order_even_when_some_fail() => CheckOrderAsync();

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _kafka = MockKafka.Start();
        _kafka.CreateTopic(Topic, 2);
        _producer = Clients.Producer(_kafka.BootstrapServers);
    }

    public override async ValueTask DisposeAsync()
    {
        _producer.Dispose();
        _kafka.Dispose();
        await base.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected override void Register(WebApplicationBuilder builder, ConnectorOptions options)
    {
        var read = Scene.Read(new()
        {
            ["topics"] = Topic,
            ["broker_hosts"] = _kafka.BootstrapServers,
            ["group"] = "contract",
            ["concurrency"] = "key",
            ["initial_retry_wait"] = "10ms",
            ["max_retry_wait"] = "50ms",
            ["kafka_session_timeout_ms"] = "4500",
            ["kafka_heartbeat_interval_ms"] = "200",
        });
        Scene.Register(builder, read with { Connector = options });
    }

    protected override async Task<string> HappenAsync(string key, byte[] body)
    {
        var at = new Timestamp(TimeProvider.System.GetUtcNow());
        var stored = await _producer.ProduceAsync(Topic, new Message<string?, byte[]?> { Key = key, Value = body, Timestamp = at });
        return $"kafka:contract:{Topic}:{stored.Partition.Value}:{stored.Offset.Value}:{at.UnixTimestampMs}";
    }
}
