using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Connectors.Testing;

namespace Connectors.Cron.Tests.Ticking;

/// <summary>A claim is stored, and its connector does not hear so: the answer is lost, and all that it sends afterwards, until it connects anew.</summary>
public sealed class UnheardClaimTests : CronTest
{
    // The first writing of a claim, with its tick.
    private const string Claim = @"\$KV\.OF_cron\.[^ ]+ [\s\S]*?([-0-9T:]+Z)@[0-9a-f]{8}#0";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Its_tick_is_fired_all_the_same_and_once(bool asynchronous)
    {
        var claimed = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var proxy = new NatsProxy(Nats.Port);
        var losing = new Lock();
        var isOver = false;
        proxy.Before = bytes =>
        {
            lock (losing)
            {
                if (!isOver && Regex.Match(Encoding.ASCII.GetString(bytes.Span), Claim) is { Success: true } claim)
                {
                    if (claimed.TrySetResult(claim.Groups[1].Value))
                    {
                        proxy.LoseAnswers("KV_OF_cron", 1);
                    }
                    else
                    {
                        proxy.SwallowAll();
                    }
                }
            }

            return Task.CompletedTask;
        };
        Gateway.Functions = [RunningCron.Function("a", "*/10 * * * * *")];
        await using var cron = await RunningCron.StartAsync(
            Gateway.Url,
            null,
            ("nats_host", "127.0.0.1"),
            ("nats_port", proxy.Port.ToString(CultureInfo.InvariantCulture)),
            ("asynchronous_invocation", asynchronous ? "true" : "false"),
            ("misfire_threshold", "1m"));

        await cron.SaysAsync("Claim failed, tried again");
        lock (losing)
        {
            isOver = true;
            proxy.Cut();
        }

        var due = DateTimeOffset.Parse(await claimed.Task, CultureInfo.InvariantCulture);
        await Gateway.ReceivesAsync(1, call => RunningCron.Due(call) == due);
        await Gateway.ReceivesAsync(1, call => RunningCron.Due(call) == due.AddSeconds(10));
        RunningCron.NoneTwice(Gateway.Calls);
    }
}
