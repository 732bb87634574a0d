using System.Globalization;
using Connectors.Testing;

namespace Connectors.Sqs.Tests;

/// <summary>
/// Two connectors of a queue that are killed, leave and come back, a server that stands still, a function that is slow and sometimes refuses: at the end every
/// message was taken, and came again only where something had died or stood still.
/// </summary>
public class LedgerTests(ITestOutputHelper output)
{
    private const int Groups = 5;
    private static readonly int Faults = Rounds.Of(usual: 2, many: 40);
    private static readonly int Messages = 20 * (Faults + 1);

    // CONNECTORS_SEED=7 for another order of faults.
    private static readonly int Seed = int.Parse(Environment.GetEnvironmentVariable("CONNECTORS_SEED") ?? "1", CultureInfo.InvariantCulture);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Every_message_is_taken_whoever_dies_or_stands_still(bool isFifo)
    {
        // A server of its own, for it stands still.
        await using var own = await SqsServer.StartAsync();
        var queue = isFifo ? "ledger.fifo" : "ledger";
        using var client = QueueServer.ClientOf(own);
        await client.CreateQueueAsync(new Amazon.SQS.Model.CreateQueueRequest
        {
            QueueName = queue,
            Attributes = isFifo ? new() { ["FifoQueue"] = "true", ["ContentBasedDeduplication"] = "true" } : null,
        });
        var ledger = new Ledger((body, call) => call == 1 && Number(body) % 9 == 4) { Pace = TimeSpan.FromMilliseconds(20) };
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = ledger.AnswerAsync;
        for (var i = 0; i < Messages; i++)
        {
            await client.SendMessageAsync(new Amazon.SQS.Model.SendMessageRequest
            {
                QueueUrl = own.QueueUrl(queue),
                MessageBody = $"{i % Groups} {i}",
                MessageGroupId = isFifo ? $"group-{i % Groups}" : null,
            });
        }

        Dictionary<string, string> options = new() { ["visibility_timeout"] = "4s", ["max_retry_wait"] = "1s", ["max_inflight"] = "4" };
        await using var first = await ServiceProcess.StartAsync("SqsConnector", ConnectorProcess.Environment(gateway, own.QueueUrl(queue), options));
        await using var second = await ServiceProcess.StartAsync("SqsConnector", ConnectorProcess.Environment(gateway, own.QueueUrl(queue), options));
        var (random, told) = (new Random(Seed), new List<string>());
        for (var fault = 1; fault <= Faults; fault++)
        {
            var moment = fault * Messages / (Faults + 1);
            await Eventually.HoldsAsync(() => ledger.Distinct >= moment, () => $"{moment} are taken; {ledger.Distinct} are");
            var connector = random.Next(2) == 0 ? first : second;
            switch (random.Next(3))
            {
                case 0:
                    await connector.KillAsync();
                    await connector.StartAgainAsync(ready: false);
                    told.Add("killed");
                    break;
                case 1:
                    Assert.Equal(0, await connector.TerminateAsync());
                    await connector.StartAgainAsync(ready: false);
                    told.Add("left");
                    break;
                default:
                    own.Pause();
                    await Eventually.HoldsAsync(() => gateway.Running == 0, "what runs has ended");
                    own.Resume();
                    told.Add("stood still");
                    break;
            }
        }

        await Eventually.HoldsAsync(
            () => ledger.Distinct == Messages, () => $"all are taken; {ledger.Distinct} are, after {string.Join(", ", told)} with seed {Seed}\n{first.Process.Tail()}", Eventually.Patience * 2);

        // Seen for the first time, a group's messages come in their order.
        var firsts = ledger.Taken.Distinct().ToList();
        Assert.All(isFifo ? firsts.GroupBy(b => b.Split(' ')[0]) : [], group => Assert.Equal(group.OrderBy(Number), group));
        output.WriteLine($"{(isFifo ? "FIFO" : "standard")}, seed {Seed}: {string.Join(", ", told)}: {ledger.Taken.Count - Messages} taken twice");
    }

    private static int Number(string body) => int.Parse(body.Split(' ')[1], CultureInfo.InvariantCulture);
}
