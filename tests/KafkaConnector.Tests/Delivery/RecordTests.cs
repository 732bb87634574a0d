using System.Text;
using Confluent.Kafka;
using Connectors.Testing;

namespace Connectors.Kafka.Tests.Delivery;

/// <summary>What a function gets of a record, over real HTTP.</summary>
public class RecordTests
{
    [Fact]
    public async Task A_record_arrives_with_everything_it_has()
    {
        await using var scene = await Scene.StartAsync();
        await using var connector = await scene.StartConnectorAsync("cloud_events", "true");
        var trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

        await scene.ProduceAsync("k-1", "body", headers: new Headers
        {
            { "Colour", "red"u8.ToArray() },
            { "Colour", "blue"u8.ToArray() },
            { "Not a token", "Zürich"u8.ToArray() },
            { "Offset", "99"u8.ToArray() },
            { "traceparent", Encoding.ASCII.GetBytes(trace) },
        });

        await scene.Gateway.ReceivesAsync(1);
        var call = scene.Gateway.Calls.Single();
        Assert.Equal("/function/receiver.openfaas-fn", call.Path);
        Assert.Equal("body", call.Text);
        Assert.Equal("text/plain", call.Header("Content-Type"));
        Assert.Equal("kafka-connector", call.Header("X-Connector"));
        Assert.Equal(scene.Topic, call.Header("X-Topic"));
        Assert.Equal("0", call.Header("X-Kafka-Partition"));
        Assert.Equal("0", call.Header("X-Kafka-Offset"));
        Assert.Equal("k-1", call.Header("X-Kafka-Key"));
        Assert.Null(call.Header("X-Kafka-Key-Enc"));
        Assert.Equal(["red", "blue"], call.HeaderValues("X-Kafka-Colour").SelectMany(line => line.Split(", ")));
        Assert.Equal("Zürich", Encoding.UTF8.GetString(Convert.FromBase64String(call.Header("X-Kafka-Not%20a%20token")!)));
        Assert.Equal("b64", call.Header("X-Kafka-Not%20a%20token-Enc"));
        Assert.Equal("99", call.Header("X-Kafka-Header-Offset"));
        Assert.Equal(trace, call.Header("traceparent"));
        Assert.NotNull(call.Header("X-Kafka-Timestamp"));
        Assert.Null(call.Header("X-Kafka-Tombstone"));
        Assert.Equal($"/kafka/{scene.Topic}/0", call.Header("ce-source"));
        Assert.Equal(call.Header("Idempotency-Key"), call.Header("ce-id"));
        Assert.NotNull(call.Header("ce-time"));
        Assert.Equal(0, await connector.MetricAsync($"kafka_connector_dead_letters_total{{topic=\"{scene.Topic}\"}}"));
    }

    [Theory]
    [InlineData("garbage", "call 1\r\n")]
    [InlineData("00-00000000000000000000000000000000-b7ad6b7169203331-01", "")]
    [InlineData("", "größe")]
    public async Task A_trace_and_a_call_id_that_are_none_are_told_of_the_record_alone(string trace, string callId)
    {
        await using var scene = await Scene.StartAsync();
        await using var connector = await scene.RunConnectorAsync();

        await scene.ProduceAsync("k", "body", headers: new Headers { { "traceparent", Encoding.UTF8.GetBytes(trace) }, { "X-Call-Id", Encoding.UTF8.GetBytes(callId) } });

        await scene.Gateway.ReceivesAsync(1);
        var call = scene.Gateway.Calls.Single();
        Assert.Null(call.Header("traceparent"));
        Assert.True(Guid.TryParse(call.Header("X-Call-Id"), out _));
        Assert.Equal(trace, call.Header("X-Kafka-traceparent"));
        Assert.NotNull(call.Header("X-Kafka-X-Call-Id"));
    }

    // Nobody need be there to whom the spans are sent.
    [Fact]
    public async Task Where_traces_are_sent_all_calls_of_a_record_are_below_one_span_which_is_in_the_producers_trace()
    {
        const string Trace = "0af7651916cd43dd8448eb211c80319c";
        const string Span = "b7ad6b7169203331";
        await using var scene = await Scene.StartAsync();
        scene.Gateway.Functions = [ListedFunction.Wanting(scene.Topic, "receiver"), ListedFunction.Wanting(scene.Topic, "other")];
        var failures = 1;
        scene.Gateway.Answer = (_, http) =>
        {
            http.Response.StatusCode = Interlocked.Decrement(ref failures) >= 0 ? 503 : 200;
            return Task.CompletedTask;
        };
        await using var connector = await scene.StartConnectorAsync("OTEL_EXPORTER_OTLP_ENDPOINT", $"http://127.0.0.1:{FreePort.Next()}");

        await scene.ProduceAsync("k", "continued", headers: new Headers { { "traceparent", Encoding.ASCII.GetBytes($"00-{Trace}-{Span}-01") } });
        await scene.ProduceAsync("k", "begun");

        await scene.Gateway.ReceivesAsync(5);
        Assert.Matches($"^00-{Trace}-(?!{Span})[0-9a-f]{{16}}-01$", Assert.Single(TracesOf("continued")));
        Assert.Matches($"^00-(?!{Trace})[0-9a-f]{{32}}-[0-9a-f]{{16}}-01$", Assert.Single(TracesOf("begun")));

        IEnumerable<string?> TracesOf(string body) => scene.Gateway.Calls.Where(call => call.Text == body).Select(call => call.Header("traceparent")).Distinct();
    }

    [Fact]
    public async Task A_tombstone_is_an_empty_body_that_says_so_and_a_binary_key_is_base64()
    {
        await using var scene = await Scene.StartAsync();
        await using var connector = await scene.RunConnectorAsync();
        using var producer = new ProducerBuilder<byte[]?, byte[]?>(new ProducerConfig { BootstrapServers = scene.Kafka.BootstrapServers }).Build();

        await producer.ProduceAsync(scene.Topic, new Message<byte[]?, byte[]?> { Key = [0, 13, 10, 255], Value = null });

        await scene.Gateway.ReceivesAsync(1);
        var call = scene.Gateway.Calls.Single();
        Assert.Empty(call.Body);
        Assert.Equal("true", call.Header("X-Kafka-Tombstone"));
        Assert.Equal("AA0K/w==", call.Header("X-Kafka-Key"));
        Assert.Equal("b64", call.Header("X-Kafka-Key-Enc"));
    }

    [Fact]
    public async Task Asynchronous_invocation_enqueues_and_commits_after_the_202()
    {
        await using var scene = await Scene.StartAsync();
        await using var connector = await scene.StartConnectorAsync("asynchronous_invocation", "true");

        await scene.ProduceAsync("k", "body");

        await scene.CommitsAllAsync(1, 1);
        Assert.Equal("/async-function/receiver.openfaas-fn", scene.Gateway.Calls.Single().Path);
        Assert.Empty(await Promtool.ObjectionsAsync(connector, "kafka_connector_consumer_group_connect", "kafka_connector_messages_consumed"));
    }

    [Fact]
    public async Task Topics_are_found_by_pattern_without_their_dead_letters()
    {
        await using var scene = await Scene.StartAsync();
        scene.Kafka.CreateTopic("orders-eu", 1);
        scene.Kafka.CreateTopic("orders-eu.dead", 1);
        scene.Gateway.Functions = [ListedFunction.Wanting("orders-*", "receiver")];
        await scene.ProduceAsync("k", "dead", topic: "orders-eu.dead");
        await scene.ProduceAsync("k", "alive", topic: "orders-eu");
        await using var connector = await scene.RunConnectorAsync("topics", "orders-*", "on_failure", "dead_letter");

        await scene.Gateway.ReceivesAsync(1);
        await scene.CommitsAllAsync(1, 1, "orders-eu");
        Assert.Equal("alive", scene.Gateway.Calls.Single().Text);
        Assert.DoesNotContain("orders-eu.dead", await Scene.ScrapeAsync(connector.Metrics), StringComparison.Ordinal);
    }
}
