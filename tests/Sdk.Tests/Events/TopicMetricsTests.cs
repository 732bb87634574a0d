using Connectors.Sdk.Events;
using Connectors.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Connectors.Sdk.Tests.Events;

public class TopicMetricsTests
{
    private static readonly string[] Told =
    [
        "connector_events_total{topic=\"told-goes\",verdict=\"completed\"}",
        "connector_events_total{topic=\"told-goes\",verdict=\"failed\"}",
        "connector_event_reruns_total{topic=\"told-goes\"}",
        "connector_headers_left_out_total{topic=\"told-goes\"}",
        "connector_settle_failures_total{topic=\"told-goes\"}",
        "connector_events_total{topic=\"told-unwanted\",verdict=\"unwanted\"}",
        "connector_events_unmatched_total{topic=\"told-unwanted\"}",
    ];

    [Fact]
    public async Task What_is_told_of_a_topic_goes_once_its_source_says_that_it_has_gone()
    {
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting("told-goes,told-stays", "told"));
        gateway.Answer = (request, http) =>
        {
            http.Response.StatusCode = request.Header("Idempotency-Key") == "refused" ? 500 : 200;
            return Task.CompletedTask;
        };
        var source = new ScriptedSource();
        await using var connector = await RunningConnector.StartAsync(builder =>
        {
            builder.AddConnector<ScriptedSource>(RunningConnector.Options(gateway.Url));
            builder.Services.AddSingleton<IEventSource>(source);
        });
        source.Give("odd", topic: "told-goes", with: content => content with { Headers = [new("Host", "elsewhere")] });
        source.Give("refused", (_, attempt) => attempt == 1 ? TimeSpan.Zero : null, topic: "told-goes");
        source.Give("unsettleable", topic: "told-goes");
        source.Give("unwanted", topic: "told-unwanted");
        source.Give("other", topic: "told-stays");
        await Eventually.HoldsAsync(async () => await CompletedAsync("stays") == 1 && (await ValuesAsync()).All(value => value == 1), "all of it is told");

        TopicMetrics.Forget("told-goes");
        TopicMetrics.Forget("told-unwanted");

        Assert.All(await ValuesAsync(), value => Assert.Null(value));
        Assert.Equal(1, await CompletedAsync("stays"));
        source.Give("again", topic: "told-goes");
        await Eventually.HoldsAsync(async () => await CompletedAsync("goes") == 1, "it is told of from the beginning");

        Task<double?> CompletedAsync(string topic) => connector.MetricAsync($"connector_events_total{{topic=\"told-{topic}\",verdict=\"completed\"}}");
        Task<double?[]> ValuesAsync() => Task.WhenAll(Told.Select(connector.MetricAsync));
    }
}
