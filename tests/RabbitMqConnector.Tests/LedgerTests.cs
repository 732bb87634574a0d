using System.Collections.Concurrent;
using System.Globalization;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;
using RabbitMQ.Client;

namespace Connectors.RabbitMq.Tests;

/// <summary>
/// The connector and the broker are killed in the midst of messages, and start again: whatever the broker had confirmed is run at least once, and more than
/// that only where one of them died.
/// </summary>
public class LedgerTests(ITestOutputHelper output)
{
    private static readonly int Kills = Number("RABBITMQ_KILLS", Rounds.Of(usual: 2, many: 10));
    private static readonly int Messages = Number("RABBITMQ_MESSAGES", Rounds.Of(usual: 200, many: 5000));
    private static readonly int Seed = Number("CONNECTORS_SEED", 1);

    // Unless told otherwise a connector has so many that are not acked, and no more come again when it dies.
    private const int Prefetch = 100;

    // Run after the last of the kills.
    private const int Quiet = 100;

    [Fact]
    public async Task Every_message_is_run_whoever_is_killed()
    {
        // A broker of its own, for it is killed.
        await using var server = await RabbitMqServer.StartAsync();
        var runs = new ConcurrentDictionary<int, int>();
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting("ledger", "receiver"));
        gateway.Answer = async (request, http) =>
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, http.RequestAborted);
            var message = int.Parse(request.Text, CultureInfo.InvariantCulture);
            if (message % 9 == 4 && !runs.ContainsKey(message) && request.Header("X-Rabbitmq-Redelivered") == "false" && runs.TryAdd(-message, 1))
            {
                http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
                return;
            }

            runs.AddOrUpdate(message, 1, (_, n) => n + 1);
        };
        await SendAsync(server, 0, Messages);
        await using var connector = await ServiceProcess.StartAsync("RabbitMqConnector", new Dictionary<string, string>
        {
            ["gateway_url"] = gateway.Url.AbsoluteUri,
            ["rebuild_interval"] = "100ms",
            ["rabbitmq_url"] = server.Url,
            ["queues"] = """[{"name":"ledger","durable":true}]""",
            ["max_inflight"] = "16",
            ["initial_retry_wait"] = "50ms",
            ["max_retry_wait"] = "200ms",
        });
        var (first, told, most) = (new Random(Seed).Next(2), new List<string>(), 0);
        for (var kill = 1; kill <= Kills; kill++)
        {
            var moment = kill * Messages / (Kills + 1);
            await Eventually.HoldsAsync(() => Run() >= moment, () => $"{moment} are run; {Run()} are\n{connector.Process.Tail()}");
            Assert.InRange(Again(), 0, most);
            if ((kill + first) % 2 == 0)
            {
                await connector.KillAsync();
                await connector.StartAgainAsync(ready: false);
                told.Add("connector");
                most += Prefetch;
            }
            else
            {
                // It does not wait for its disk with acks: what was acked may come again.
                await server.KillAsync();
                most += Run() + Prefetch;
                await server.StartAgainAsync();
                told.Add("broker");
            }
        }

        await Eventually.HoldsAsync(() => Run() == Messages, () => $"all are run; {Run()} are, after {string.Join(", ", told)} with seed {Seed}\n{connector.Process.Tail()}");
        await server.HasNothingAsync();
        var again = Again();
        Assert.InRange(again, 0, most);
        await SendAsync(server, Messages, Quiet);
        await Eventually.HoldsAsync(() => Run() == Messages + Quiet, () => $"those that came later are run; {Run() - Messages} are\n{connector.Process.Tail()}");
        Assert.Equal(0, await connector.TerminateAsync());
        await using var client = await BrokerClient.ConnectAsync(server);
        await client.IsEmptyAsync("ledger");
        Assert.Null(await client.CountAsync("ledger.dead"));
        Assert.Equal(again, Again());
        output.WriteLine($"seed {Seed}, {Messages} messages, killed: {string.Join(", ", told)}: {again} runs too many");

        int Run() => runs.Count(r => r.Key >= 0);

        int Again() => runs.Where(r => r.Key >= 0).Sum(r => r.Value - 1);
    }

    private static async Task SendAsync(RabbitMqServer server, int first, int count)
    {
        await using var client = await BrokerClient.ConnectAsync(server);
        await client.DeclareAsync("ledger");
        for (var i = first; i < first + count; i++)
        {
            await client.SendAsync("ledger", i.ToString(CultureInfo.InvariantCulture), new BasicProperties { MessageId = $"m{i.ToString(CultureInfo.InvariantCulture)}" });
        }
    }

    private static int Number(string name, int usual) => int.Parse(Environment.GetEnvironmentVariable(name) ?? usual.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
}
