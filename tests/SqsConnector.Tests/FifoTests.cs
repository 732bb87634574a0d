using System.Collections.Concurrent;
using System.Text.Json;
using Connectors.Testing;

namespace Connectors.Sqs.Tests;

/// <summary>Order of a group, groups side by side.</summary>
public class FifoTests(QueueServer server)
{
    private const string Receive = "ReceiveMessage";

    [Fact]
    public async Task Many_groups_stay_in_order_while_some_fail()
    {
        var (groups, each) = (Rounds.Of(usual: 20, many: 50), Rounds.Of(usual: 12, many: 40));
        var queue = await server.CreateAsync("order", isFifo: true);
        var ledger = new Ledger((body, call) => call == 1 && int.Parse(body.Split(' ')[1]) % 10 == 7) { Gate = new() };
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = ledger.AnswerAsync;
        await server.SendAsync(queue, Enumerable.Range(0, each).SelectMany(i => Enumerable.Range(0, groups).Select(g => ($"{g} {i}", (string?)$"group-{g}"))));

        await using var connector = await Running.StartAsync(gateway, ("queue_url", server.Url(queue)), ("max_retry_wait", "1s"));
        await Eventually.HoldsAsync(() => ledger.MostRunning > 1, "groups run side by side");
        ledger.Gate.SetResult();
        await Eventually.HoldsAsync(() => ledger.Taken.Count >= groups * each, "all are taken", TimeSpan.FromMinutes(3));
        await server.IsEmptyAsync(queue);

        Assert.Equal(groups * each, ledger.Taken.Count);
        foreach (var group in ledger.Taken.GroupBy(b => b.Split(' ')[0], b => int.Parse(b.Split(' ')[1])))
        {
            Assert.Equal(Enumerable.Range(0, each), group);
        }

        // No later message of a group was even tried while an earlier one was not done.
        foreach (var group in gateway.Calls.GroupBy(c => c.Text.Split(' ')[0], c => int.Parse(c.Text.Split(' ')[1])))
        {
            Assert.Equal(group.Order(), group);
        }

        Assert.True(ledger.MostRunning <= 50, $"{ledger.MostRunning} ran at once");
    }

    [Fact]
    public async Task A_group_that_fails_for_good_loses_only_that_message_to_the_dead_letters()
    {
        var dead = await server.CreateAsync("dead", isFifo: true);
        var queue = await server.CreateAsync("poison", isFifo: true, deadLetters: dead, maxReceives: 2);
        var ledger = new Ledger((body, _) => body == "2");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = ledger.AnswerAsync;
        await using var connector = await Running.StartAsync(gateway, ("queue_url", server.Url(queue)), ("max_retry_wait", "1s"));

        await server.SendAsync(queue, Enumerable.Range(1, 5).Select(i => ($"{i}", (string?)"group")));
        await Eventually.HoldsAsync(() => ledger.Taken.Count == 4, "the others are taken");

        Assert.Equal(["1", "3", "4", "5"], ledger.Taken);
        Assert.Equal(2, ledger.Calls("2"));
        await Eventually.HoldsAsync(async () => await server.CountAsync(dead) == (1, 0), "it is a dead letter");
    }

    [Fact]
    public async Task What_a_lost_answer_carried_comes_with_the_next_try_however_long_it_is_hidden()
    {
        // The SDK's own tries of one of ours: the next is another of ours.
        const int losses = 2;
        var queue = await server.CreateAsync("lost-answer", isFifo: true);
        await using var proxy = await QueueProxy.StartAsync(server.Server.Url);

        // SQS remembers what it answered under an id; this server does not.
        var (answers, lost) = (new ConcurrentDictionary<string, string>(), 0);
        proxy.Instead = (operation, request) =>
            operation == Receive && AttemptId(request) is { } id && answers.TryGetValue(id, out var answer) ? (200, answer) : null;
        proxy.Loses = (operation, request, answer) =>
        {
            if (operation != Receive || !answer.Contains("ReceiptHandle", StringComparison.Ordinal) || Interlocked.Increment(ref lost) > losses)
            {
                return false;
            }

            answers[AttemptId(request) ?? ""] = answer;
            return true;
        };
        await server.SendAsync(queue, [("1", "group"), ("2", "group")]);
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await using var connector = await Running.StartAsync(
            gateway, ("queue_url", server.Url(queue)), ("AWS_ENDPOINT_URL_SQS", proxy.Url.AbsoluteUri), ("visibility_timeout", "1h"));

        await gateway.ReceivesAsync(2);
        await server.IsEmptyAsync(queue);

        Assert.Equal(["1", "2"], gateway.Calls.Select(call => call.Text));
        Assert.All(gateway.Calls, call => Assert.Equal("1", call.Header("X-SQS-ApproximateReceiveCount")));
        var ids = proxy.Requests(Receive).Select(AttemptId).ToList();
        Assert.DoesNotContain(null, ids);
        Assert.Single(ids.Take(losses + 1).Distinct());

        // A receive of its own under the same id would bring what the other brought.
        Assert.DoesNotContain(ids[0], ids.Skip(losses + 1));
    }

    // SQS refuses it of other queues.
    [Fact]
    public async Task Receives_of_a_standard_queue_have_no_id()
    {
        var queue = await server.CreateAsync("no-id");
        await using var proxy = await QueueProxy.StartAsync(server.Server.Url);
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await using var connector = await Running.StartAsync(gateway, ("queue_url", server.Url(queue)), ("AWS_ENDPOINT_URL_SQS", proxy.Url.AbsoluteUri));

        await server.SendAsync(queue, "x");
        await gateway.ReceivesAsync(1);

        Assert.All(proxy.Requests(Receive), request => Assert.Null(AttemptId(request)));
    }

    // By which SQS knows a receive that is tried again; null for none.
    private static string? AttemptId(RecordedRequest request)
    {
        using var json = JsonDocument.Parse(request.Body);
        return json.RootElement.TryGetProperty("ReceiveRequestAttemptId", out var id) ? id.GetString() : null;
    }
}
