using Connectors.Testing;

namespace Connectors.Sqs.Tests;

/// <summary>Order of a group, groups side by side.</summary>
public class FifoTests(QueueServer server)
{
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
}
