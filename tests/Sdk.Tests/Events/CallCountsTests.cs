using Connectors.Sdk.Events;
using Connectors.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Connectors.Sdk.Tests.Events;

public class CallCountsTests
{
    [Fact]
    public async Task What_is_told_of_a_function_goes_when_the_topic_map_has_it_no_more()
    {
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting("goes", "counted-goes"), ListedFunction.Wanting("stays", "counted-stays"));
        var source = new ScriptedSource();
        await using var connector = await RunningConnector.StartAsync(builder =>
        {
            builder.AddConnector<ScriptedSource>(RunningConnector.Options(gateway.Url));
            builder.Services.AddSingleton<IEventSource>(source);
        });
        source.Give("0", topic: "goes");
        await Eventually.HoldsAsync(async () => await CallsAsync("goes") == 1 && await SecondsAsync("goes") == 1, "its call is counted");

        gateway.Functions = [ListedFunction.Wanting("stays", "counted-stays")];
        var given = 0;
        await Eventually.HoldsAsync(
            async () =>
            {
                source.Give($"{++given}", topic: "stays");
                return await CallsAsync("goes") is null && await SecondsAsync("goes") is null;
            },
            "nothing is told of it any more");

        await Eventually.HoldsAsync(async () => await CallsAsync("stays") == given && await SecondsAsync("stays") == given, "all calls of the other are counted");

        Task<double?> CallsAsync(string function) => connector.MetricAsync($"connector_calls_total{{function_name=\"counted-{function}.openfaas-fn\",outcome=\"succeeded\"}}");
        Task<double?> SecondsAsync(string function) => connector.MetricAsync($"connector_call_seconds_count{{function_name=\"counted-{function}.openfaas-fn\"}}");
    }
}
