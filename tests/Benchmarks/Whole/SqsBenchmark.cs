using Amazon.SQS;
using Amazon.SQS.Model;
using Connectors.Benchmarks.Baselines;
using Connectors.Testing;

namespace Connectors.Benchmarks.Whole;

/// <summary>How fast the messages of a queue are run, each deleted after its function answered. The baselines receive, call and delete, and do nothing else.</summary>
internal static class SqsBenchmark
{
    private const string Bare = "a bare loop";
    private const string AtOnce = "bare loops, 50 calls at once";
    private const string Busy = "busy";
    private const int QuietQueues = 19;
    private const int BodyBytes = 1024;
    private const int FillConcurrency = 4;

    // About as many as run in it.
    private const int MessagesForOneSecond = 2_000;

    internal static async Task<Report> RunAsync(BenchmarkRequest request)
    {
        var pipelines = new List<Pipeline>();
        var clients = new List<AmazonSQSClient>();
        var contestants = new List<Contestant>();
        await AddAsync(Build.Own, Bare, (pipeline, server) => pipeline.WithBaselineAsync("receive", $"{server.QueueUrl(Busy)},{pipeline.Function.Url}"));
        await AddAsync(Build.Own, AtOnce, (pipeline, server) => pipeline.WithBaselineAsync("receive at once", $"{server.QueueUrl(Busy)},{pipeline.Function.Url}"));
        foreach (var build in request.Builds)
        {
            await AddAsync(build, "connector", (pipeline, server) => ConnectAsync(pipeline, server, Busy));
            await AddAsync(build, $"connector, {QuietQueues} quiet queues beside", (pipeline, server) => ConnectAsync(pipeline, server, [Busy, .. Quiet]));
        }

        var report = await Contest.RunAsync("SQS: the messages of one queue, 1 KiB, max_inflight=50", "messages", [Bare, AtOnce], request, contestants);
        await Pipeline.EndAsync(pipelines);
        clients.ForEach(client => client.Dispose());
        return report.Note("The server is fauxqs, one for each, which keeps all in memory; its processor time includes the sending. Bare loops call the function itself, the connector through the gateway. What fails was run twice.");

        async Task AddAsync(Build build, string name, Func<Pipeline, SqsServer, Task> completeAsync)
        {
            var pipeline = await Pipeline.StartAsync(build, withNats: false);
            pipelines.Add(pipeline);
            var server = await SqsServer.StartAsync();
            pipeline.With(Part.Of(server));
            var client = BareReceiver.ClientOf(server.Url);
            clients.Add(client);
            foreach (var queue in Quiet.Prepend(Busy))
            {
                await client.CreateQueueAsync(queue);
            }

            await completeAsync(pipeline, server);
            contestants.Add(new(build.Named(name), pipeline.Parts, duration => MeasureAsync(pipeline, client, server.QueueUrl(Busy), (int)(MessagesForOneSecond * duration.TotalSeconds))));
        }
    }

    private static IEnumerable<string> Quiet => Enumerable.Range(0, QuietQueues).Select(queue => $"quiet{queue}");

    private static async Task ConnectAsync(Pipeline pipeline, SqsServer server, params IReadOnlyList<string> queues) =>
        await (await pipeline.WithGatewayAsync(queues)).WithConnectorAsync("SqsConnector", new Dictionary<string, string>
        {
            ["queue_url"] = string.Join(',', queues.Select(server.QueueUrl)),
            ["AWS_DEFAULT_REGION"] = SqsServer.Region,
            ["AWS_ACCESS_KEY_ID"] = "bench",
            ["AWS_SECRET_ACCESS_KEY"] = "bench",
        });

    private static async Task<(Sample Sample, double Count)> MeasureAsync(Pipeline pipeline, AmazonSQSClient client, string queue, int messages)
    {
        var ran = await pipeline.DrainAsync(messages, () => SendAsync(client, queue, messages));
        return (new Sample(ran["runs"] / ran.Time("seconds_ns").TotalSeconds, default, (long)ran["runs"] - messages), messages);
    }

    private static Task SendAsync(AmazonSQSClient client, string queue, int messages)
    {
        var body = new string('x', BodyBytes);
        return Parallel.ForEachAsync(
            Enumerable.Range(0, messages).Chunk(BareReceiver.Batch),
            new ParallelOptions { MaxDegreeOfParallelism = FillConcurrency },
            async (batch, ct) => await client.SendMessageBatchAsync(queue, [.. batch.Select(message => new SendMessageBatchRequestEntry($"{message}", body))], ct));
    }
}
