using System.Text.Json;
using Confluent.Kafka;
using Connectors.Testing;

namespace Connectors.Charts.Tests;

/// <summary>The connectors under the environments that their charts render, against local servers and a gateway that lists one function.</summary>
public sealed class ConnectorsTests : IDisposable
{
    private readonly RenderedEnvironment _rendered = new();

    [Fact]
    public async Task The_cron_connector_fires_a_schedule_once_with_its_cursor_in_nats()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting("cron-function", "tick", "schedule", "* * * * * *"));
        await using var connector = await StartAsync("cron-connector", "CronConnector", gateway, "nats.host=127.0.0.1", $"nats.port={nats.Port}");

        await gateway.ReceivesAsync(3);

        var calls = gateway.Calls;
        Assert.Equal(calls.Count, calls.Select(call => call.Header("Idempotency-Key")).Distinct().Count());
        Assert.All(calls, call => Assert.Equal("/function/tick.openfaas-fn", call.Path));
    }

    [Fact]
    public async Task The_kafka_connector_hands_a_record_on()
    {
        using var kafka = MockKafka.Start();
        kafka.CreateTopic("orders");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting("orders", "receiver"));
        await using var connector = await StartAsync(
            "kafka-connector", "KafkaConnector", gateway, $"brokerHosts={kafka.BootstrapServers.Replace(",", "\\,", StringComparison.Ordinal)}", "topics=orders", "tls=false");

        using var producer = new ProducerBuilder<string, string>(new ProducerConfig { BootstrapServers = kafka.BootstrapServers }).Build();
        await producer.ProduceAsync("orders", new Message<string, string> { Key = "k", Value = "hello" });
        await gateway.ReceivesAsync(1);

        Assert.Equal("hello", gateway.Calls[0].Text);
        Assert.Equal("/function/receiver.openfaas-fn", gateway.Calls[0].Path);
    }

    [Fact]
    public async Task The_sqs_connector_hands_a_message_on_and_deletes_it()
    {
        await using var sqs = await SqsServer.StartAsync();
        await SqsAsync(sqs, "CreateQueue", new { QueueName = "orders" });
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting("orders", "receiver"));
        var credentials = "[default]\naws_access_key_id=local\naws_secret_access_key=local\n";
        _rendered.Write("aws-credentials/aws-sqs-credentials", credentials);
        await using var connector = await StartAsync(
            "sqs-connector", "SqsConnector", gateway, $"queueURL={sqs.QueueUrl("orders")}", $"awsDefaultRegion={SqsServer.Region}", "waitTime=1s");

        await SqsAsync(sqs, "SendMessage", new { QueueUrl = sqs.QueueUrl("orders"), MessageBody = "hello" });
        await gateway.ReceivesAsync(1);
        await Eventually.HoldsAsync(
            async () => (await SqsAsync(sqs, "GetQueueAttributes", new { QueueUrl = sqs.QueueUrl("orders"), AttributeNames = new[] { "All" } }))
                .GetProperty("Attributes") is var left
                && left.GetProperty("ApproximateNumberOfMessages").GetString() == "0"
                && left.GetProperty("ApproximateNumberOfMessagesNotVisible").GetString() == "0",
            "the message is deleted");

        Assert.Equal("hello", gateway.Calls[0].Text);
    }

    public void Dispose() => _rendered.Dispose();

    private static async Task<JsonElement> SqsAsync(SqsServer sqs, string operation, object body)
    {
        using var http = new HttpClient(new SocketsHttpHandler());
        using var request = new HttpRequestMessage(HttpMethod.Post, sqs.Url)
        {
            Content = new StringContent(JsonSerializer.Serialize(body), new System.Net.Http.Headers.MediaTypeHeaderValue("application/x-amz-json-1.0")),
        };
        request.Headers.Add("X-Amz-Target", $"AmazonSQS.{operation}");
        using var response = await http.SendAsync(request);
        return JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;
    }

    private async Task<ServiceProcess> StartAsync(string chart, string project, GatewayServer gateway, params string[] values)
    {
        _rendered.Write("basic-auth-user", "admin");
        _rendered.Write("basic-auth-password", "p");
        gateway.Credentials = "admin:p";
        var manifests = await Helm.TemplateAsync(chart, "r", [.. values, $"gatewayURL={gateway.Url}", "rebuildInterval=1s"]);
        return await ServiceProcess.StartAsync(project, _rendered.OnThisMachine(manifests));
    }
}
