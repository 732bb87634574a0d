using Amazon.SQS.Model;
using Connectors.Sqs.Queues;
using Connectors.Testing;

namespace Connectors.Sqs.Tests;

/// <summary>Visibility is kept while a function runs; a message that may be with another is left alone.</summary>
public class LeaseTests(QueueServer server)
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_function_that_outlasts_the_visibility_timeout_is_called_once(bool isFifo)
    {
        const int visibility = 12;

        // One comes after three quarters of a second at the soonest: what falls due in the same quarter of an interval goes together.
        const int Renewals = 17;
        var queue = await server.CreateAsync("long", isFifo);
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        var gate = new TaskCompletionSource();
        gateway.Answer = (_, http) => gate.Task.WaitAsync(http.RequestAborted);
        await using var connector = await Running.StartAsync(
            gateway, ("queue_url", server.Url(queue)), ("visibility_timeout", $"{visibility}s"), ("visibility_renewal", "1s"), ("upstream_timeout", "5m"));

        await server.SendAsync(queue, "slow", isFifo ? "group" : null);
        await gateway.ReceivesAsync(1);
        await Eventually.HoldsAsync(
            async () => await connector.MetricAsync($$"""sqs_connector_renewals_total{queue="{{queue}}"}""") >= Renewals, "it was renewed for longer than it was hidden for at first");
        gate.SetResult();
        await server.IsEmptyAsync(queue);

        Assert.Single(gateway.Calls);
        Assert.Equal(0, await connector.MetricAsync($$"""sqs_connector_expired_receipts_total{queue="{{queue}}"}""") ?? 0);
        await Eventually.HoldsAsync(async () => await connector.MetricAsync($$"""sqs_connector_in_flight_messages{queue="{{queue}}"}""") == 0, "nothing is held");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_message_whose_deletion_hangs_for_longer_than_it_is_hidden_is_run_once(bool isFifo)
    {
        var held = TimeSpan.FromSeconds(15);
        var queue = await server.CreateAsync("hanging", isFifo);
        await using var proxy = await QueueProxy.StartAsync(server.Server.Url);
        var gate = new TaskCompletionSource();
        proxy.Hold = operation => operation == "DeleteMessageBatch" ? gate.Task : Task.CompletedTask;
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await using var connector = await Running.StartAsync(
            gateway, ("queue_url", server.Url(queue)), ("AWS_ENDPOINT_URL_SQS", proxy.Url.AbsoluteUri), ("visibility_timeout", "10s"));

        await server.SendAsync(queue, "once", isFifo ? "group" : null);
        await Eventually.HoldsAsync(() => proxy.Requests("DeleteMessageBatch").Any(), "its deletion is under way");
        var begun = TimeProvider.System.GetTimestamp();
        await Eventually.HoldsAsync(() => TimeProvider.System.GetElapsedTime(begun) > held, "it hangs");
        gate.SetResult();
        await server.IsEmptyAsync(queue);

        Assert.Single(gateway.Calls);
        await Eventually.HoldsAsync(async () => await connector.MetricAsync($$"""sqs_connector_in_flight_messages{queue="{{queue}}"}""") == 0, "nothing is held");
        Assert.Equal(0, await connector.MetricAsync($$"""sqs_connector_expired_receipts_total{queue="{{queue}}"}""") ?? 0);
        Assert.Equal(1, await connector.MetricAsync($$"""sqs_connector_deleted_total{queue="{{queue}}"}"""));
    }

    [Fact]
    public async Task Messages_that_run_together_are_renewed_together()
    {
        var queue = await server.CreateAsync("renewals");
        await using var proxy = await QueueProxy.StartAsync(server.Server.Url);
        var ledger = new Ledger((_, _) => false) { Gate = new() };
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = ledger.AnswerAsync;
        await server.SendAsync(queue, Enumerable.Range(0, 40).Select(i => ($"{i}", (string?)null)));
        await using var connector = await Running.StartAsync(
            gateway,
            ("queue_url", server.Url(queue)),
            ("AWS_ENDPOINT_URL_SQS", proxy.Url.AbsoluteUri),
            ("visibility_timeout", "20s"),
            ("visibility_renewal", "2s"),
            ("max_inflight", "40"));

        await gateway.ReceivesAsync(40);
        var before = proxy.Requests("ChangeMessageVisibilityBatch").Count();
        await Eventually.HoldsAsync(() => proxy.Requests("ChangeMessageVisibilityBatch").Count() >= before + 12, "all are renewed again and again");
        var renewals = proxy.Requests("ChangeMessageVisibilityBatch").Skip(before).Average(r => r.Text.Split("ReceiptHandle").Length - 1);
        ledger.Gate.SetResult();
        await server.IsEmptyAsync(queue);

        // What fell due in the same quarter of an interval goes together: 40 messages in at most four groups, so at most eight requests a round.
        Assert.InRange(renewals, 5, 10);
        Assert.Equal(40, gateway.Calls.Count);
    }

    [Fact]
    public async Task A_renewal_that_hangs_holds_up_no_other()
    {
        const int messages = 20;
        var held = TimeSpan.FromSeconds(15);
        var queue = await server.CreateAsync("hung");
        await using var proxy = await QueueProxy.StartAsync(server.Server.Url);
        var (never, renewals) = (new TaskCompletionSource(), 0);
        proxy.Hold = operation => operation == "ChangeMessageVisibilityBatch" && Interlocked.Increment(ref renewals) == 1 ? never.Task : Task.CompletedTask;
        var ledger = new Ledger((_, _) => false) { Gate = new() };
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = ledger.AnswerAsync;
        await server.SendAsync(queue, Enumerable.Range(0, messages).Select(i => ($"{i}", (string?)null)));
        await using var connector = await Running.StartAsync(
            gateway,
            ("queue_url", server.Url(queue)),
            ("AWS_ENDPOINT_URL_SQS", proxy.Url.AbsoluteUri),
            ("visibility_timeout", "15s"),
            ("max_inflight", $"{messages}"),
            ("upstream_timeout", "5m"));

        await gateway.ReceivesAsync(messages);
        await Eventually.HoldsAsync(() => proxy.Requests("ChangeMessageVisibilityBatch").Any(), "the first renewal is under way");
        var begun = TimeProvider.System.GetTimestamp();
        await Eventually.HoldsAsync(() => TimeProvider.System.GetElapsedTime(begun) > held, "messages run for longer than they are hidden");
        ledger.Gate.SetResult();
        await server.IsEmptyAsync(queue);

        // Its own ten may be with another by then, if the machine is slow.
        Assert.InRange(await connector.MetricAsync($$"""sqs_connector_expired_receipts_total{queue="{{queue}}"}""") ?? 0, 0, Queue.BatchSize);
        Assert.InRange(gateway.Calls.GroupBy(call => call.Text).Count(calls => calls.Count() == 1), messages - Queue.BatchSize, messages);
    }

    // Whoever has the message now is not to run it, nor those behind it, beside a function that still has it from us.
    [Fact]
    public async Task A_receipt_that_is_lost_while_its_function_runs_ends_the_call_of_a_group_and_the_next_goes_once_it_is_done_elsewhere()
    {
        var queue = await server.CreateAsync("withdrawn", isFifo: true);
        await using var proxy = await QueueProxy.StartAsync(server.Server.Url);
        proxy.Instead = RefuseRenewals;
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = (request, http) => request.Text == "first" ? Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted) : Task.CompletedTask;
        await server.SendAsync(queue, [("first", "group"), ("second", "group")]);
        await using var connector = await StartAsync(gateway, proxy, queue);
        await gateway.ReceivesAsync(1);

        await Eventually.HoldsAsync(() => gateway.Running == 0, "the call is given up");
        proxy.Instead = (_, _) => null;
        Assert.Equal("first", Assert.Single(gateway.Calls).Text);
        Assert.Equal(1, await connector.MetricAsync($$"""sqs_connector_expired_receipts_total{queue="{{queue}}"}"""));
        await server.Client.DeleteMessageAsync(server.Url(queue), QueueProxy.Entries(proxy.Requests("ChangeMessageVisibilityBatch").First())[0].Receipt);

        await server.IsEmptyAsync(queue);
        Assert.Equal(["first", "second"], gateway.Calls.Select(call => call.Text));
    }

    [Fact]
    public async Task Without_an_order_a_call_whose_receipt_is_lost_comes_to_its_end()
    {
        var queue = await server.CreateAsync("unordered");
        await using var proxy = await QueueProxy.StartAsync(server.Server.Url);
        proxy.Instead = RefuseRenewals;
        var (release, ended) = (new TaskCompletionSource(), 0);
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = async (request, http) =>
        {
            await (request.Text == "first" ? release.Task : Task.CompletedTask).WaitAsync(http.RequestAborted);
            Interlocked.Increment(ref ended);
        };
        await server.SendAsync(queue, "first");
        await using var connector = await StartAsync(gateway, proxy, queue);
        await gateway.ReceivesAsync(1);

        await Eventually.HoldsAsync(async () => await connector.MetricAsync($$"""sqs_connector_expired_receipts_total{queue="{{queue}}"}""") == 1, "its receipt is lost");
        proxy.Instead = (_, _) => null;
        await server.SendAsync(queue, "second");
        await gateway.ReceivesAsync(1, call => call.Text == "second");
        release.SetResult();

        await Eventually.HoldsAsync(() => Volatile.Read(ref ended) == 2, "both have come to their end");
        await Eventually.HoldsAsync(async () => await server.CountAsync(queue) == (0, 1), "what another may have is not deleted");
        Assert.Equal(2, gateway.Calls.Count);
    }

    [Fact]
    public async Task A_receipt_that_expired_while_the_process_stood_still_is_counted_and_not_deleted()
    {
        var queue = await server.CreateAsync("expired");
        await using var proxy = await QueueProxy.StartAsync(server.Server.Url);
        var ledger = new Ledger((_, _) => false) { Gate = new() };
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = ledger.AnswerAsync;
        await using var connector = await ServiceProcess.StartAsync("SqsConnector", ConnectorProcess.Environment(gateway, server.Url(queue), new()
        {
            ["AWS_ENDPOINT_URL_SQS"] = proxy.Url.AbsoluteUri,
            ["visibility_timeout"] = "2s",
            ["max_inflight"] = "1",
        }));
        await server.SendAsync(queue, "once");
        await gateway.ReceivesAsync(1);

        connector.Process.Pause();

        // Hidden for as long as a slow machine may take: what came back would be run again.
        var receive = new ReceiveMessageRequest { QueueUrl = server.Url(queue), VisibilityTimeout = 600 };
        await Eventually.HoldsAsync(async () => (await server.Client.ReceiveMessageAsync(receive)).Messages is not null, "another has the message");
        ledger.Gate.SetResult();
        connector.Process.Resume();

        var sample = $$"""sqs_connector_expired_receipts_total{queue="{{queue}}"}""";
        await Eventually.HoldsAsync(async () => await connector.MetricAsync(sample) == 1, "the lost receipt is counted");
        await Eventually.HoldsAsync(async () => (await connector.MetricAsync($$"""sqs_connector_in_flight_messages{queue="{{queue}}"}""") ?? 0) == 0, "and let go");
        Assert.Empty(proxy.Requests("DeleteMessageBatch"));
        Assert.Equal((0, 1), await server.CountAsync(queue));
    }

    // As SQS does once it has shown the message to others.
    private static (int Status, string Json)? RefuseRenewals(string operation, RecordedRequest request) => operation == "ChangeMessageVisibilityBatch"
        ? (200, $$"""{"Failed":[{{string.Join(',', QueueProxy.Entries(request).Select(e => QueueProxy.Failed(e.Id, "ReceiptHandleIsInvalid", isSenders: true)))}}]}""")
        : null;

    // Renewed soon, and hidden for long; no call ends by its own time.
    private Task<RunningConnector> StartAsync(GatewayServer gateway, QueueProxy proxy, string queue) => Running.StartAsync(
        gateway,
        ("queue_url", server.Url(queue)),
        ("AWS_ENDPOINT_URL_SQS", proxy.Url.AbsoluteUri),
        ("visibility_timeout", "10m"),
        ("visibility_renewal", "1s"),
        ("upstream_timeout", "10m"));
}
