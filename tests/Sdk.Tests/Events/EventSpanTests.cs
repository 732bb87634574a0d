using System.Collections.Concurrent;
using System.Diagnostics;
using Connectors.Sdk.Events;
using Connectors.Sdk.Invocation;
using Connectors.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Connectors.Sdk.Tests.Events;

/// <summary>The span of an event says what became of it, also where settling throws.</summary>
public sealed class EventSpanTests
{
    [Fact]
    public async Task It_has_a_verdict_or_the_fault()
    {
        var topic = "traced-" + Guid.NewGuid().ToString("N");
        var ended = new ConcurrentQueue<Activity>();
        using var listener = Listen(topic, ended);
        var source = new ScriptedSource();
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(topic, "a"));
        gateway.Answer = (request, http) =>
        {
            http.Response.StatusCode = request.CallId is "failed" or "odd" or "abandoned" ? 500 : 200;
            return Task.CompletedTask;
        };
        await using var connector = await RunningConnector.StartAsync(builder =>
        {
            builder.AddConnector<ScriptedSource>(RunningConnector.Options(gateway.Url));
            builder.Services.AddSingleton<IEventSource>(source);
        });

        Give("completed", null);
        Give("failed", (_, _) => null);
        Give("unsettleable", null);
        Give("odd", (_, _) => throw new InvalidOperationException("no such receipt"));
        Give("abandoned", (_, _) => TimeSpan.FromHours(1));
        await Eventually.HoldsAsync(() => ended.Count == 4 && source.Settled.Contains("abandoned failed 500 1"), "one waits, the others have ended");
        await connector.StopAsync();

        Assert.Equal(
            ["abandoned: Unset abandoned", "completed: Ok completed", "failed: Error failed", "odd: Error no such receipt", "unsettleable: Error the broker is gone"],
            ended.Select(span => $"{span.GetTagItem("callId")}: {span.Status} {span.GetTagItem("verdict") ?? span.StatusDescription}").Order(StringComparer.Ordinal));

        void Give(string id, Func<Outcome, int, TimeSpan?>? onFail) =>
            source.Give(id, onFail, topic: topic, with: content => content with { Headers = [new Header(WellKnownHeaders.CallId, id)] });
    }

    // To what is of one topic alone: the tests of a process share their source of spans.
    private static ActivityListener Listen(string topic, ConcurrentQueue<Activity> ended)
    {
        var name = $"event {topic}";
        var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Connectors",
            Sample = (ref ActivityCreationOptions<ActivityContext> asked) => asked.Name == name ? ActivitySamplingResult.AllData : ActivitySamplingResult.None,
            ActivityStopped = span =>
            {
                if (span.OperationName == name)
                {
                    ended.Enqueue(span);
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
        return listener;
    }
}
