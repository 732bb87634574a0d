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

    // A tick, as any event of a connector. What is not sampled leaves no parent behind that nobody was sent.
    [Theory]
    [InlineData("parentbased_always_on", "01")]
    [InlineData("always_off", "00")]
    [InlineData(null, null)]
    public async Task An_event_is_one_trace_whose_root_its_connector_sends(string? sampler, string? flags)
    {
        await using var collector = await HttpLedger.StartAsync();
        await using var nats = await NatsServer.StartAsync();
        await using var function = await HttpLedger.StartAsync();
        var tracing = new Dictionary<string, string>();
        if (sampler is not null)
        {
            tracing["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Url.ToString();
            tracing["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf";
            tracing["OTEL_BSP_SCHEDULE_DELAY"] = "100";
        }

        await using var gateway = await OwnGateway.StartAsync(
            nats, "tick", function.Url, new Dictionary<string, string> { ["topic"] = "cron-function", ["schedule"] = "@every 1s" }, [.. tracing.Select(option => (option.Key, option.Value))]);
        await using var connector = await ServiceProcess.StartAsync("CronConnector", new Dictionary<string, string>(tracing)
        {
            ["gateway_url"] = gateway.Url.AbsoluteUri,
            ["basic_auth"] = "true",
            ["secret_mount_path"] = gateway.Secrets,
            ["OTEL_TRACES_SAMPLER"] = sampler ?? "",
        });
        await function.ReceivesAsync(2);
        Assert.Equal(0, await connector.TerminateAsync());

        var traces = function.Requests.Select(request => request.Header("traceparent")).ToList();
        Assert.All(traces, trace => Assert.Equal(flags, trace?[^2..]));
        if (flags != "01")
        {
            Assert.Empty(CollectedSpan.Of(collector));
            return;
        }

        foreach (var trace in traces)
        {
            await Eventually.HoldsAsync(() => SpansOf(trace!).Count == 2, "the connector and the gateway have sent theirs");
            var root = Assert.Single(SpansOf(trace!), span => span is { Service: "cron-connector", Name: "event cron-function", Parent: "" });
            Assert.Single(SpansOf(trace!), span => span is { Service: "gateway", Name: "call tick.openfaas-fn" } && span.Parent == root.Id && trace!.Contains(span.Id, StringComparison.Ordinal));
        }

        List<CollectedSpan> SpansOf(string trace) => [.. CollectedSpan.Of(collector).Where(span => span.Trace == trace.Split('-')[1])];
    }

    [Fact]
    public async Task OpenTelemetrys_own_variables_name_the_services()
    {
        await using var collector = await HttpLedger.StartAsync();
        var tracing = new Dictionary<string, string> { ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Url.ToString(), ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf" };
        await using var pipeline = await Pipeline.StartAsync(
            worker: new Dictionary<string, string>(tracing) { ["OTEL_RESOURCE_ATTRIBUTES"] = "service.name=shop-worker,deployment.environment=test" },
            gateway: new Dictionary<string, string>(tracing) { ["OTEL_SERVICE_NAME"] = "shop-gateway" });

        using var accepted = await pipeline.CallAsync("work", [1]);
        await pipeline.Function.ReceivesAsync(1);
        await pipeline.Worker.TerminateAsync();
        await pipeline.Gateway.TerminateAsync();

        Assert.Equal(["shop-gateway", "shop-worker"], CollectedSpan.Of(collector).Select(span => span.Service).Distinct().Order());
    }

    [Theory]
    [InlineData("Gateway")]
    [InlineData("QueueWorker")]
    [InlineData("CronConnector")]
    public async Task A_collector_without_a_scheme_is_refused_at_the_start(string service)
    {
        var (exitCode, output) = await ServiceProcess.RunAsync(
            service, new Dictionary<string, string> { ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "otel-collector:4317" }, "--print-config");

        Assert.Equal(2, exitCode);
        Assert.Contains("OTEL_EXPORTER_OTLP_ENDPOINT: \"otel-collector:4317\" is not valid", output, StringComparison.Ordinal);
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
