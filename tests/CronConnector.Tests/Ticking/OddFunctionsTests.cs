using Connectors.Cron.Tests.Schedules;
using Connectors.Testing;
using CsCheck;

namespace Connectors.Cron.Tests.Ticking;

/// <summary>A hundred functions with odd annotations beside one that is in order: it ticks, and what is wrong with the others is told.</summary>
public sealed class OddFunctionsTests : CronTest
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_innocent_schedule_ticks_beside_a_hundred_odd_ones(bool isShared)
    {
        var run = Guid.NewGuid().ToString("N")[..6];
        await OddAnnotations.All.Array[100].SampleAsync(
            async all =>
            {
                ListedFunction[] odd =
                [
                    .. all.Select((annotations, i) => new ListedFunction($"odd-{run}-{i}", "openfaas-fn", annotations.Append(KeyValuePair.Create("topic", "cron-function")).ToDictionary())),
                    new ListedFunction($"null-{run}", "openfaas-fn", new Dictionary<string, string> { ["topic"] = "cron-function", ["schedule"] = null! }),
                    new ListedFunction($"null-too-{run}", "openfaas-fn", new Dictionary<string, string> { ["topic"] = null!, ["schedule"] = "* * * * * *" }),
                    RunningCron.Function($"calendar-{run}", "@every 70389528h"),
                    RunningCron.Function($"ü.a/b?c#d {run}", "* * * * * *"),
                    RunningCron.Function(new string('x', 5_000), "* * * * * *"),
                ];
                Gateway.Functions = [.. odd, RunningCron.Function("innocent", "* * * * * *")];
                await using var cron = await RunningCron.StartAsync(Gateway.Url, isShared ? Nats : null);

                await RunningCron.EachSecondAsync(() => Gateway.Calls.Where(IsInnocent), 6);
                RunningCron.NoneTwice(Gateway.Calls.Where(IsInnocent));
                await cron.IsReadyAsync();
                using var http = new HttpClient(new SocketsHttpHandler());
                await Eventually.HoldsAsync(
                    async () =>
                    {
                        var metrics = await http.GetStringAsync(new Uri(cron.Metrics, "/metrics"));
                        Assert.All(
                            odd.Where(f => f.Name.StartsWith($"odd-{run}", StringComparison.Ordinal)),
                            f => Assert.Matches($"cron_connector_(bad_schedule|next_due_timestamp_seconds){{function_name=\"{f.Name}.openfaas-fn\"", metrics));
                        Assert.Contains($"cron_connector_bad_schedule{{function_name=\"calendar-{run}.openfaas-fn\",reason=\"every\"}} 1", metrics, StringComparison.Ordinal);
                        Assert.Contains($"cron_connector_bad_schedule{{function_name=\"null-{run}.openfaas-fn\",reason=\"empty\"}} 1", metrics, StringComparison.Ordinal);
                        Assert.Contains($"xxx.openfaas-fn\",reason=\"name\"}} 1", metrics, StringComparison.Ordinal);
                        return true;
                    },
                    "what is wrong with each is told");
            },
            iter: 1,
            threads: 1,
            print: all => System.Text.Json.JsonSerializer.Serialize(all));
    }

    private static bool IsInnocent(RecordedRequest call) => call.Path.EndsWith("/innocent.openfaas-fn", StringComparison.Ordinal);
}
