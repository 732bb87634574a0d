using Amazon.Runtime;
using Amazon.SQS;
using Amazon.SQS.Model;
using Connectors.Sqs.Queues;
using Connectors.Testing;

[assembly: AssemblyFixture(typeof(Connectors.Sqs.Tests.QueueServer))]

namespace Connectors.Sqs.Tests;

/// <summary>A real SQS server that the tests share, each with queues of its own, and a client for their part.</summary>
public sealed class QueueServer : IAsyncLifetime
{
    private static int _queues;

    public SqsServer Server { get; private set; } = null!; // set before the first test

    public AmazonSQSClient Client { get; private set; } = null!; // set before the first test

    public async ValueTask InitializeAsync()
    {
        Server = await SqsServer.StartAsync();
        Client = ClientOf(Server);
    }

    /// <summary>A client of a server, this one or a test's own.</summary>
    public static AmazonSQSClient ClientOf(SqsServer server) => new UncheckedClient(
        new BasicAWSCredentials(Credentials.Key, Credentials.Secret),
        new AmazonSQSConfig { ServiceURL = server.Url.AbsoluteUri, AuthenticationRegion = SqsServer.Region });

    /// <summary>Makes a queue that no other test knows; returns its name.</summary>
    public async Task<string> CreateAsync(string name, bool isFifo = false, string? deadLetters = null, int maxReceives = 0)
    {
        var attributes = new Dictionary<string, string>();
        if (isFifo)
        {
            (attributes["FifoQueue"], attributes["ContentBasedDeduplication"]) = ("true", "true");
        }

        if (deadLetters is not null)
        {
            attributes["RedrivePolicy"] =
                $$"""{"deadLetterTargetArn":"arn:aws:sqs:{{SqsServer.Region}}:000000000000:{{deadLetters}}","maxReceiveCount":{{maxReceives}}}""";
        }

        var unique = $"{name}-{Interlocked.Increment(ref _queues)}{(isFifo ? ".fifo" : "")}";
        await Client.CreateQueueAsync(new CreateQueueRequest { QueueName = unique, Attributes = attributes.Count > 0 ? attributes : null });
        return unique;
    }

    public string Url(string queue) => Server.QueueUrl(queue);

    public async Task<string> SendAsync(string queue, string body, string? group = null) =>
        (await Client.SendMessageAsync(new SendMessageRequest { QueueUrl = Url(queue), MessageBody = body, MessageGroupId = group })).MessageId;

    /// <summary>Sends many, ten to a request.</summary>
    public async Task SendAsync(string queue, IEnumerable<(string Body, string? Group)> messages)
    {
        foreach (var batch in messages.Chunk(10))
        {
            var entries = batch.Select((m, i) => new SendMessageBatchRequestEntry { Id = $"m{i}", MessageBody = m.Body, MessageGroupId = m.Group }).ToList();
            Assert.Empty((await Client.SendMessageBatchAsync(Url(queue), entries)).Failed ?? []);
        }
    }

    /// <summary>Messages in the queue: visible, in flight.</summary>
    public async Task<(int Visible, int InFlight)> CountAsync(string queue)
    {
        var attributes = (await Client.GetQueueAttributesAsync(Url(queue), ["All"])).Attributes;
        return (int.Parse(attributes["ApproximateNumberOfMessages"]), int.Parse(attributes["ApproximateNumberOfMessagesNotVisible"]));
    }

    public Task IsEmptyAsync(string queue) =>
        Eventually.HoldsAsync(async () => await CountAsync(queue) == (0, 0), $"the queue {queue} is empty");

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Server.DisposeAsync();
    }
}
