using Connectors.Testing;

namespace Connectors.EndToEnd.Tests;

public class TracingTests
{
    private const string TraceId = "4bf92f3577b34da6a3ce929d0e0e4736";
    private const string CallerSpan = "00f067aa0ba902b7";

    [Fact]
    public async Task One_trace_goes_from_the_caller_through_gateway_queue_worker_and_function_to_the_callback()
    {
        await using var collector = await HttpLedger.StartAsync();
        var tracing = new Dictionary<string, string> { ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Url.ToString(), ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf" };
        await using var pipeline = await Pipeline.StartAsync(worker: new Dictionary<string, string>(tracing) { ["ack_wait"] = "1m" }, gateway: tracing);

        using var accepted = await pipeline.CallAsync(
            "work", [1], ("traceparent", $"00-{TraceId}-{CallerSpan}-01"), ("X-Callback-Url", pipeline.Callbacks.Url.ToString()));
        using var other = await pipeline.CallAsync("other", [2]);
        await pipeline.Callbacks.ReceivesAsync(1);
        await pipeline.Function.ReceivesAsync(2);
        await pipeline.Worker.TerminateAsync();
        await pipeline.Gateway.TerminateAsync();

        var all = CollectedSpan.Of(collector);
        var spans = all.Where(span => span.Trace == TraceId).ToList();
        var enqueue = Assert.Single(spans, span => span is { Service: "gateway", Name: "enqueue work.openfaas-fn", Parent: CallerSpan });
        var send = Assert.Single(spans, span => span is { Service: "queue-worker", Name: "call work.openfaas-fn" } && span.Parent == enqueue.Id);
        var call = Assert.Single(spans, span => span is { Service: "gateway", Name: "call work.openfaas-fn" } && span.Parent == send.Id);
        var callback = Assert.Single(spans, span => span is { Service: "queue-worker", Name: "callback work.openfaas-fn" } && span.Parent == enqueue.Id);
        Assert.Equal(4, spans.Count);
        Assert.Equal($"00-{TraceId}-{call.Id}-01", pipeline.Function.Requests.Single(r => r.Body is [1]).Header("traceparent"));
        Assert.Equal($"00-{TraceId}-{callback.Id}-01", pipeline.Callbacks.Requests.Single().Header("traceparent"));

        // A caller without a trace gets one whose root was really sent.
        var root = Assert.Single(all, span => span.Name == "enqueue other.openfaas-fn");
        Assert.Equal("", root.Parent);
        Assert.Equal(3, all.Count(span => span.Trace == root.Trace));
    }

    [Fact]
    public async Task Without_a_collector_the_callers_context_goes_on_as_it_came()
    {
        await using var pipeline = await Pipeline.StartAsync();
        var caller = $"00-{TraceId}-{CallerSpan}-01";

        using var accepted = await pipeline.CallAsync("work", [1], ("traceparent", caller), ("X-Callback-Url", pipeline.Callbacks.Url.ToString()));
        await pipeline.Callbacks.ReceivesAsync(1);

        Assert.Equal(caller, Assert.Single(pipeline.Function.Requests).Header("traceparent"));
        Assert.Equal(caller, Assert.Single(pipeline.Callbacks.Requests).Header("traceparent"));
    }
}
