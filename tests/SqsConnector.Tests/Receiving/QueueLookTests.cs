using System.Globalization;
using Amazon.SQS.Model;
using Connectors.Testing;

namespace Connectors.Sqs.Tests.Receiving;

/// <summary>What an operator is told of a queue beside what was received from it.</summary>
public class QueueLookTests(QueueServer server)
{
    private const string Look = "GetQueueAttributes";

    [Fact]
    public async Task What_sqs_says_of_a_queue_is_told_whether_a_function_wants_it_or_not()
    {
        var (queue, unwanted) = (await server.CreateAsync("depth"), await server.CreateAsync("unwanted"));
        var ledger = new Ledger((_, _) => false) { Gate = new() };
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = ledger.AnswerAsync;
        await server.SendAsync(queue, [("a", null), ("b", null), ("c", null)]);
        await server.SendAsync(unwanted, [("d", null), ("e", null)]);
        await server.Client.SendMessageAsync(new SendMessageRequest { QueueUrl = server.Url(queue), MessageBody = "later", DelaySeconds = 900 });
        await using var connector = await Running.StartAsync(
            gateway, ("queue_url", $"{server.Url(queue)},{server.Url(unwanted)}"), ("depth_interval", "1s"), ("max_inflight", "1"), ("visibility_timeout", "10m"));

        await gateway.ReceivesAsync(1);
        await Eventually.HoldsAsync(
            async () => await server.CountAsync(queue) is var (visible, inFlight) && visible + inFlight == 3 && await TellsAsync(connector, queue, visible, inFlight, delayed: 1),
            "what the server says is told");
        await Eventually.HoldsAsync(() => TellsAsync(connector, unwanted, waiting: 2, inFlight: 0, delayed: 0), "that of a queue nobody wants, too");
        ledger.Gate.SetResult();

        await Eventually.HoldsAsync(() => TellsAsync(connector, queue, waiting: 0, inFlight: 0, delayed: 1), "nothing but the delayed one is left");
    }

    [Fact]
    public async Task A_look_that_is_not_allowed_is_told_once_and_messages_flow_all_the_same()
    {
        var queue = await server.CreateAsync("no-look");
        await using var proxy = await QueueProxy.StartAsync(server.Server.Url);
        proxy.Instead = (operation, _) => operation == Look ? QueueProxy.Error("AccessDeniedException") : null;
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await using var connector = await Running.StartAsync(
            gateway, ("queue_url", server.Url(queue)), ("AWS_ENDPOINT_URL_SQS", proxy.Url.AbsoluteUri), ("depth_interval", "1s"));

        await server.SendAsync(queue, "x");
        await gateway.ReceivesAsync(1);
        await server.IsEmptyAsync(queue);
        var failures = $$"""sqs_connector_failures_total{queue="{{queue}}",operation="look",kind="denied"}""";
        await Eventually.HoldsAsync(async () => await connector.MetricAsync(failures) >= 3, "it goes on looking");
        var told = Assert.Single(connector.Lines, line => line.Contains("cannot be looked up", StringComparison.Ordinal));
        Assert.Contains("sqs:GetQueueAttributes is needed", told, StringComparison.Ordinal);
        Assert.Null(await connector.MetricAsync(Sample(queue, "waiting")));
        await connector.IsReadyAsync();

        // What is allowed later is seen, and what is taken away again is told again and shown no longer.
        proxy.Instead = (_, _) => null;
        await Eventually.HoldsAsync(() => TellsAsync(connector, queue, 0, 0, 0), "what may be seen is shown");
        proxy.Instead = (operation, _) => operation == Look ? QueueProxy.Error("AccessDeniedException") : null;
        await Eventually.HoldsAsync(async () => await connector.MetricAsync(Sample(queue, "waiting")) is null, "what is not known is not shown");
        await Eventually.HoldsAsync(() => connector.Lines.Count(line => line.Contains("cannot be looked up", StringComparison.Ordinal)) == 2, "it is told again");
    }

    [Fact]
    public async Task The_age_of_the_oldest_that_came_lately_is_told_when_it_is_gone_already()
    {
        var queue = await server.CreateAsync("age");
        await using var proxy = await QueueProxy.StartAsync(server.Server.Url);
        var sent = TimeProvider.System.GetUtcNow().AddHours(-1).ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture);
        var isOut = 0;
        proxy.Instead = (operation, _) => operation == "ReceiveMessage" && Interlocked.Exchange(ref isOut, 1) == 0
            ? (200, $$$"""{"Messages":[{"MessageId":"old","ReceiptHandle":"r","Body":"x","Attributes":{"SentTimestamp":"{{{sent}}}","ApproximateReceiveCount":"1"}}]}""")
            : operation == "DeleteMessageBatch" ? (200, """{"Successful":[{"Id":"0"}]}""") : null;
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await using var connector = await Running.StartAsync(gateway, ("queue_url", server.Url(queue)), ("AWS_ENDPOINT_URL_SQS", proxy.Url.AbsoluteUri));

        await gateway.ReceivesAsync(1);
        await Eventually.HoldsAsync(async () => await connector.MetricAsync($$"""sqs_connector_in_flight_messages{queue="{{queue}}"}""") == 0, "it is deleted");

        await Eventually.HoldsAsync(async () => await connector.MetricAsync($$"""sqs_connector_oldest_message_age_seconds{queue="{{queue}}"}""") >= 3600, "its age is told");
    }

    private static async Task<bool> TellsAsync(RunningConnector connector, string queue, int waiting, int inFlight, int delayed) =>
        await connector.MetricAsync(Sample(queue, "waiting")) == waiting
        && await connector.MetricAsync(Sample(queue, "in_flight")) == inFlight
        && await connector.MetricAsync(Sample(queue, "delayed")) == delayed;

    private static string Sample(string queue, string state) => $$"""sqs_connector_queue_messages{queue="{{queue}}",state="{{state}}"}""";
}
