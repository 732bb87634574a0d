using Amazon.SQS.Model;
using Connectors.Sdk.Events;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Sdk.Topics;
using Connectors.Sqs.Queues;
using Connectors.Sqs.Receiving;
using Connectors.Sqs.Settling;
using Connectors.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Connectors.Sqs.Tests;

/// <summary>Messages as functions see them.</summary>
public class DeliveryTests(QueueServer server)
{
    [Fact]
    public async Task A_function_gets_the_message_with_the_headers_of_openfaas_and_ours()
    {
        var queue = await server.CreateAsync("delivery");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await using var connector = await Running.StartAsync(gateway, ("queue_url", server.Url(queue)));

        var sent = await server.Client.SendMessageAsync(new SendMessageRequest
        {
            QueueUrl = server.Url(queue),
            MessageBody = "Grüße",
            MessageAttributes = new() { ["tenant"] = new() { DataType = "String", StringValue = "blau" } },
        });
        await gateway.ReceivesAsync(1);

        var call = gateway.Calls.Single();
        Assert.Equal(("/function/receiver.openfaas-fn", "Grüße"), (call.Path, call.Text));
        Assert.Equal((sent.MessageId, server.Url(queue)), (call.Header("X-SQS-Message-ID"), call.Header("X-SQS-Queue-URL")));
        Assert.Equal((queue, "text/plain"), (call.Header("X-Topic"), call.Header("Content-Type")));
        Assert.Equal(("1", "blau", "String"), (call.Header("X-SQS-ApproximateReceiveCount"), call.Header("X-SQS-Attr-tenant"), call.Header("X-SQS-Attr-tenant-Type")));
        Assert.Null(call.Header("ce-id"));
        await server.IsEmptyAsync(queue);
    }

    [Fact]
    public async Task A_message_whose_checksum_the_server_reckons_otherwise_disturbs_no_other()
    {
        var queue = await server.CreateAsync("checksum");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await server.Client.SendMessageAsync(new Amazon.SQS.Model.SendMessageRequest
        {
            QueueUrl = server.Url(queue),
            MessageBody = "odd",
            MessageAttributes = new() { ["a"] = new() { DataType = "other", StringValue = "x" } },
        });
        await server.SendAsync(queue, Enumerable.Range(0, 9).Select(i => ($"{i}", (string?)null)));

        await using var connector = await Running.StartAsync(gateway, ("queue_url", server.Url(queue)));

        await gateway.ReceivesAsync(10);
        await server.IsEmptyAsync(queue);
    }

    [Fact]
    public async Task On_wish_it_is_a_cloud_event_and_enqueued()
    {
        var queue = await server.CreateAsync("cloud");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await using var connector = await Running.StartAsync(
            gateway, ("queue_url", server.Url(queue)), ("cloud_events", "true"), ("asynchronous_invocation", "true"), ("content_type", "application/json"));

        var id = await server.SendAsync(queue, "{}");
        await gateway.ReceivesAsync(1);

        var call = gateway.Calls.Single();
        Assert.Equal("/async-function/receiver.openfaas-fn", call.Path);
        Assert.Equal((id, server.Url(queue), queue), (call.Header("ce-id"), call.Header("ce-source"), call.Header("ce-subject")));
        Assert.Equal(("com.amazonaws.sqs.message", "application/json"), (call.Header("ce-type"), call.Header("Content-Type")));
        await server.IsEmptyAsync(queue);
    }

    [Fact]
    public async Task Several_queues_go_each_to_their_own_function()
    {
        var (first, second) = (await server.CreateAsync("several"), await server.CreateAsync("several"));
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(first, "one"), ListedFunction.Wanting(second, "two"));
        await using var connector = await Running.StartAsync(gateway, ("queue_url", $"{server.Url(first)},{server.Url(second)}"), ("max_inflight", "2"));

        await server.SendAsync(first, Enumerable.Range(0, 20).Select(i => ($"first {i}", (string?)null)));
        await server.SendAsync(second, Enumerable.Range(0, 20).Select(i => ($"second {i}", (string?)null)));
        await gateway.ReceivesAsync(40);

        Assert.All(gateway.Calls, call => Assert.Equal(call.Path == "/function/one.openfaas-fn" ? "first" : "second", call.Text.Split(' ')[0]));
        await server.IsEmptyAsync(first);
        await server.IsEmptyAsync(second);
    }

    [Fact]
    public async Task A_busy_queue_has_all_slots_while_more_queues_than_slots_are_quiet_and_what_comes_to_those_is_next()
    {
        var busy = await server.CreateAsync("busy");
        string[] quiet = [await server.CreateAsync("quiet"), await server.CreateAsync("quiet"), await server.CreateAsync("quiet")];
        var ledger = new Ledger((_, _) => false) { Gate = new() };
        await using var gateway = await GatewayServer.StartAsync([ListedFunction.Wanting(busy, "one"), .. quiet.Select(q => ListedFunction.Wanting(q, "two"))]);
        gateway.Answer = ledger.AnswerAsync;
        await using var connector = await Running.StartAsync(gateway, ("queue_url", string.Join(',', quiet.Append(busy).Select(server.Url))), ("max_inflight", "2"));

        await server.SendAsync(busy, Enumerable.Range(0, 10).Select(i => ($"{i}", (string?)null)));
        await gateway.ReceivesAsync(2);
        await server.SendAsync(quiet[0], "quiet");
        await Eventually.HoldsAsync(async () => await server.CountAsync(quiet[0]) == (0, 1), "it is received, and waits for a slot");
        Assert.Equal(2, gateway.Calls.Count);
        ledger.Gate.SetResult();

        await gateway.ReceivesAsync(11);
        await server.IsEmptyAsync(busy);
        await server.IsEmptyAsync(quiet[0]);
        Assert.Equal(11, gateway.Calls.Count);
    }

    [Fact]
    public async Task What_no_function_wants_stays_in_the_queue_until_one_does()
    {
        var (wanted, unwanted) = (await server.CreateAsync("wanted"), await server.CreateAsync("unwanted"));
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(wanted, "receiver"));
        await server.SendAsync(unwanted, "patient");
        await using var connector = await Running.StartAsync(gateway, ("queue_url", $"{server.Url(wanted)},{server.Url(unwanted)}"));
        await server.SendAsync(wanted, "prompt");
        await gateway.ReceivesAsync(1);
        Assert.Equal((1, 0), await server.CountAsync(unwanted));

        gateway.Functions = [ListedFunction.Wanting(wanted, "receiver"), ListedFunction.Wanting(unwanted, "late")];

        await gateway.ReceivesAsync(1, call => call is { Path: "/function/late.openfaas-fn", Text: "patient" });
        Assert.Equal("1", gateway.Calls.Single(c => c.Text == "patient").Header("X-SQS-ApproximateReceiveCount"));
        await server.IsEmptyAsync(unwanted);
    }

    [Fact]
    public async Task What_a_function_took_is_deleted_though_none_wants_the_queue_by_then()
    {
        var queue = await server.CreateAsync("taken");
        var release = new TaskCompletionSource();
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = (_, _) => release.Task;
        await server.SendAsync(queue, "once");
        await using var connector = await Running.StartAsync(gateway, ("queue_url", server.Url(queue)), ("visibility_timeout", "1h"));
        await gateway.ReceivesAsync(1);

        gateway.Functions = [];
        await connector.SaysAsync("No function wants the queue");
        release.SetResult();

        await server.IsEmptyAsync(queue);
        Assert.Single(gateway.Calls);
    }

    [Fact]
    public async Task Never_more_is_received_than_can_run()
    {
        var queue = await server.CreateAsync("slots");
        var ledger = new Ledger((_, _) => false) { Gate = new() };
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = ledger.AnswerAsync;
        await server.SendAsync(queue, Enumerable.Range(0, 30).Select(i => ($"{i}", (string?)null)));

        await using var connector = await Running.StartAsync(gateway, ("queue_url", server.Url(queue)), ("max_inflight", "7"));
        await gateway.ReceivesAsync(7);

        Assert.Equal((23, 7), await server.CountAsync(queue));
        ledger.Gate.SetResult();
        await gateway.ReceivesAsync(30);
        await server.IsEmptyAsync(queue);
        Assert.Equal(30, gateway.Calls.Count);
    }

    [Fact]
    public async Task What_came_unasked_and_has_no_slot_yet_counts_among_what_can_run()
    {
        var queue = await server.CreateAsync("unslotted");
        await server.SendAsync(queue, Enumerable.Range(0, 20).Select(i => ($"{i}", (string?)null)));
        var (options, time) = (Running.Options(("gateway_url", "http://127.0.0.1:1"), ("queue_url", server.Url(queue))), TimeProvider.System);
        var (random, topics) = (new Random(1), new LatestTopicMap());
        topics.Swap(new TopicMap([new Function(new FunctionName("f", "ns"), new Dictionary<string, string> { ["topic"] = queue })], "", withPatterns: false));
        var settler = new Settler(new Queue(options.Queues[0], options, time), options, time, random, NullLogger<Settler>.Instance);
        var watch = new QueueWatch(options.Queues[0], topics, new Readiness(), NullLogger.Instance);
        await using var source = new SqsSource(options, [new QueueReader(settler, watch, options, time, random)], time);

        // The first message is yielded, and its slot is never taken; nothing more is asked of the source meanwhile.
        await using var events = source.ReadAsync(new Slots(5), CancellationToken.None).GetAsyncEnumerator();
        Assert.True(await events.MoveNextAsync());

        await Eventually.HoldsAsync(async () => (await server.CountAsync(queue)).InFlight >= 5, "all slots are asked for");
        Assert.Equal((15, 5), await server.CountAsync(queue));
    }
}
