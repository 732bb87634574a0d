using System.Collections.Concurrent;
using Connectors.Testing;

namespace Connectors.Sqs.Tests;

/// <summary>Batches that SQS carries out in part, entry by entry.</summary>
public class BatchFaultTests(QueueServer server)
{
    [Fact]
    public async Task Entries_that_fail_on_the_servers_side_are_deleted_later_and_the_others_only_once()
    {
        var queue = await server.CreateAsync("partial");
        await using var proxy = await QueueProxy.StartAsync(server.Server.Url);
        var isFirst = 1;
        proxy.Instead = (operation, request) => operation == "DeleteMessageBatch" && Interlocked.Exchange(ref isFirst, 0) == 1
            ? (200, $$"""{"Successful":[],"Failed":[{{string.Join(',', QueueProxy.Entries(request).Select(e => QueueProxy.Failed(e.Id, "InternalError", isSenders: false)))}}]}""")
            : null;
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await using var connector = await Running.StartAsync(gateway, ("queue_url", server.Url(queue)), ("AWS_ENDPOINT_URL_SQS", proxy.Url.AbsoluteUri));

        await server.SendAsync(queue, Enumerable.Range(0, 10).Select(i => ($"{i}", (string?)null)));
        await server.IsEmptyAsync(queue);

        Assert.Equal(10, gateway.Calls.Count);
        var sent = proxy.Requests("DeleteMessageBatch").SelectMany(QueueProxy.Entries).GroupBy(e => e.Receipt).ToList();
        Assert.Equal(10, sent.Count);
        Assert.Contains(sent, s => s.Count() == 2);
        Assert.Equal(0, await connector.MetricAsync($$"""sqs_connector_expired_receipts_total{queue="{{queue}}"}""") ?? 0);
    }

    [Fact]
    public async Task Entries_that_are_never_deleted_hold_up_no_others()
    {
        // More than there are batches sent side by side.
        const int stuck = 120;
        const int others = 30;
        var queue = await server.CreateAsync("stuck");
        await using var proxy = await QueueProxy.StartAsync(server.Server.Url);
        var (never, isOver) = (new ConcurrentDictionary<string, bool>(), false);
        proxy.Instead = (operation, request) =>
        {
            if (operation != "DeleteMessageBatch" || Volatile.Read(ref isOver))
            {
                return null;
            }

            var entries = QueueProxy.Entries(request);
            if (never.Count < stuck)
            {
                entries.ForEach(e => never.TryAdd(e.Receipt, true));
            }

            // The others come in batches of their own, for they are sent after these.
            return entries.Any(e => never.ContainsKey(e.Receipt))
                ? (200, $$"""{"Successful":[],"Failed":[{{string.Join(',', entries.Select(e => QueueProxy.Failed(e.Id, "InternalError", isSenders: false)))}}]}""")
                : null;
        };
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await using var connector = await Running.StartAsync(gateway, ("queue_url", server.Url(queue)), ("AWS_ENDPOINT_URL_SQS", proxy.Url.AbsoluteUri), ("visibility_timeout", "1h"));
        await server.SendAsync(queue, Enumerable.Range(0, stuck).Select(i => ($"{i}", (string?)null)));
        await Eventually.HoldsAsync(() => never.Count >= stuck, () => $"each was to be deleted; {never.Count} were");

        await server.SendAsync(queue, Enumerable.Range(0, others).Select(i => ($"other {i}", (string?)null)));

        var deleted = $$"""sqs_connector_deleted_total{queue="{{queue}}"}""";
        await Eventually.HoldsAsync(async () => await connector.MetricAsync(deleted) == others, "the others are deleted");
        Volatile.Write(ref isOver, true);
        await server.IsEmptyAsync(queue);
        Assert.Equal(stuck + others, gateway.Calls.Count);
    }

    [Fact]
    public async Task An_entry_whose_receipt_is_refused_is_counted_and_the_rest_is_deleted()
    {
        var queue = await server.CreateAsync("refused");
        await using var proxy = await QueueProxy.StartAsync(server.Server.Url);
        var refused = 0;
        proxy.Instead = (operation, request) =>
        {
            if (operation != "DeleteMessageBatch" || Interlocked.Exchange(ref refused, 1) == 1)
            {
                return null;
            }

            return (200, $$"""{"Failed":[{{QueueProxy.Failed(QueueProxy.Entries(request)[0].Id, "ReceiptHandleIsInvalid", isSenders: true)}}]}""");
        };
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await using var connector = await Running.StartAsync(
            gateway, ("queue_url", server.Url(queue)), ("AWS_ENDPOINT_URL_SQS", proxy.Url.AbsoluteUri), ("visibility_timeout", "3s"));

        await server.SendAsync(queue, "x");
        await gateway.ReceivesAsync(2);
        await server.IsEmptyAsync(queue);

        Assert.Equal(["1", "2"], gateway.Calls.Take(2).Select(c => c.Header("X-SQS-ApproximateReceiveCount")));
        Assert.True(await connector.MetricAsync($$"""sqs_connector_expired_receipts_total{queue="{{queue}}"}""") >= 1);
    }

    [Fact]
    public async Task Under_load_deletes_go_together()
    {
        var messages = Rounds.Of(usual: 800, many: 2_000);
        var queue = await server.CreateAsync("load");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await server.SendAsync(queue, Enumerable.Range(0, messages).Select(i => ($"{i}", (string?)null)));

        await using var connector = await Running.StartAsync(gateway, ("queue_url", server.Url(queue)));
        await server.IsEmptyAsync(queue);

        // One that came again on a slow machine is deleted again.
        await Eventually.HoldsAsync(async () => await connector.MetricAsync($$"""sqs_connector_deleted_total{queue="{{queue}}"}""") >= messages, "each is deleted");
        var requests = await connector.MetricAsync($$"""sqs_connector_delete_batch_messages_count{queue="{{queue}}"}""") ?? 0;

        // A starved process sends what it has when its time is over; that full ones go at once is shown in BatchesTests.
        Assert.InRange(messages / requests, 2, 10);
        TestContext.Current.SendDiagnosticMessage($"{messages / requests:0.00} messages per delete request");
    }
}
