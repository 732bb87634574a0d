using Amazon.Runtime;
using Amazon.SQS;
using Amazon.SQS.Model;
using Connectors.Testing;

namespace Connectors.Conformance.Tests.Sqs;

/// <summary>The client against a real server: what it stores comes back as it was, and what is absent is null as in version 4.</summary>
public sealed class SqsQueueTests : IAsyncLifetime
{
    private SqsServer _server = null!;
    private AmazonSQSClient _client = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await SqsServer.StartAsync();
        _client = new AmazonSQSClient(
            new BasicAWSCredentials("key", "secret"), new AmazonSQSConfig { ServiceURL = _server.Url.AbsoluteUri, AuthenticationRegion = SqsServer.Region });
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_message_comes_back_with_its_attributes()
    {
        var queue = await CreateAsync("orders");
        var sent = await _client.SendMessageAsync(new SendMessageRequest
        {
            QueueUrl = queue,
            MessageBody = "Grüße, 世界",
            MessageAttributes = new()
            {
                ["text"] = new() { DataType = "String", StringValue = "ä" },
                ["count"] = new() { DataType = "Number", StringValue = "42" },
                ["raw"] = new() { DataType = "Binary", BinaryValue = new MemoryStream([0, 1, 254, 255]) },
            },
        });

        var received = await _client.ReceiveMessageAsync(new ReceiveMessageRequest
        {
            QueueUrl = queue,
            MessageAttributeNames = ["All"],
            MessageSystemAttributeNames = ["All"],
        });

        var message = Assert.Single(received.Messages);
        Assert.Equal((sent.MessageId, "Grüße, 世界"), (message.MessageId, message.Body));
        Assert.Equal(sent.MD5OfMessageAttributes, message.MD5OfMessageAttributes);
        Assert.Equal("ä", message.MessageAttributes["text"].StringValue);
        Assert.Equal("Number", message.MessageAttributes["count"].DataType);
        Assert.Equal([0, 1, 254, 255], message.MessageAttributes["raw"].BinaryValue.ToArray());
        Assert.Equal("1", message.Attributes["ApproximateReceiveCount"]);
    }

    [Fact]
    public async Task What_the_server_leaves_out_is_null()
    {
        var queue = await CreateAsync("empty");
        var nothing = await _client.ReceiveMessageAsync(queue);
        await _client.SendMessageAsync(queue, "bare");
        var bare = await _client.ReceiveMessageAsync(queue);

        Assert.Null(nothing.Messages);
        Assert.Null(Assert.Single(bare.Messages).MessageAttributes);
        Assert.Null(bare.Messages[0].Attributes);
        Assert.Null(new ReceiveMessageRequest().VisibilityTimeout);
        Assert.Null(new DeleteMessageBatchRequest().Entries);
    }

    [Fact]
    public async Task A_deleted_message_does_not_come_back_and_a_released_one_does()
    {
        var queue = await CreateAsync("settle");
        await _client.SendMessageBatchAsync(queue, [new() { Id = "a", MessageBody = "keep" }, new() { Id = "b", MessageBody = "drop" }]);
        var first = await ReceiveAsync(queue, 10);

        await _client.DeleteMessageAsync(queue, first.Single(m => m.Body == "drop").ReceiptHandle);
        await _client.ChangeMessageVisibilityAsync(queue, first.Single(m => m.Body == "keep").ReceiptHandle, 0);
        var second = await ReceiveAsync(queue, 10);

        Assert.Equal("keep", Assert.Single(second).Body);
        Assert.Equal("2", second[0].Attributes["ApproximateReceiveCount"]);
    }

    [Fact]
    public async Task Batches_report_entry_by_entry()
    {
        var queue = await CreateAsync("batches");
        await _client.SendMessageAsync(queue, "one");
        var message = Assert.Single(await ReceiveAsync(queue, 10));

        var changed = await _client.ChangeMessageVisibilityBatchAsync(
            queue,
            [new() { Id = "good", ReceiptHandle = message.ReceiptHandle, VisibilityTimeout = 60 }, new() { Id = "bad", ReceiptHandle = "gone", VisibilityTimeout = 60 }]);
        var deleted = await _client.DeleteMessageBatchAsync(queue, [new() { Id = "only", ReceiptHandle = message.ReceiptHandle }]);

        Assert.Equal("good", Assert.Single(changed.Successful).Id);
        var failed = Assert.Single(changed.Failed);
        Assert.Equal(("bad", true), (failed.Id, failed.SenderFault));
        Assert.Equal("only", Assert.Single(deleted.Successful).Id);
    }

    [Fact]
    public async Task Messages_of_one_group_wait_for_each_other_in_a_fifo_queue()
    {
        var queue = await CreateAsync("ordered.fifo", new() { ["FifoQueue"] = "true", ["ContentBasedDeduplication"] = "true" });
        foreach (var body in new[] { "a1", "a2", "b1" })
        {
            await _client.SendMessageAsync(new SendMessageRequest { QueueUrl = queue, MessageBody = body, MessageGroupId = body[..1] });
        }

        var first = await ReceiveAsync(queue, 10);
        await _client.DeleteMessageAsync(queue, first.Single(m => m.Body == "a1").ReceiptHandle);
        var second = await ReceiveAsync(queue, 10);

        Assert.Equal(["a1", "b1"], first.Select(m => m.Body).Order());
        Assert.Equal("a2", Assert.Single(second).Body);
        Assert.Equal("a", second[0].Attributes["MessageGroupId"]);
    }

    [Fact]
    public async Task A_long_poll_that_is_cancelled_ends_at_once()
    {
        var queue = await CreateAsync("quiet");
        using var cancel = new CancellationTokenSource();

        var poll = _client.ReceiveMessageAsync(new ReceiveMessageRequest { QueueUrl = queue, WaitTimeSeconds = 20 }, cancel.Token);
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => poll);
    }

    private async Task<string> CreateAsync(string name, Dictionary<string, string>? attributes = null) =>
        (await _client.CreateQueueAsync(new CreateQueueRequest { QueueName = name, Attributes = attributes })).QueueUrl;

    private async Task<List<Message>> ReceiveAsync(string queue, int most) =>
        (await _client.ReceiveMessageAsync(
            new ReceiveMessageRequest { QueueUrl = queue, MaxNumberOfMessages = most, MessageSystemAttributeNames = ["All"] })).Messages ?? [];
}
