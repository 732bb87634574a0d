using Connectors.Testing;

namespace Connectors.QueueWorker.Tests;

public sealed class TracingTests(SharedNats nats) : IClassFixture<SharedNats>
{
    private const string TraceId = "4bf92f3577b34da6a3ce929d0e0e4736";
    private const string Caller = $"00-{TraceId}-00f067aa0ba902b7-01";

    [Fact]
    public async Task The_callers_trace_goes_through_function_and_callback_and_its_spans_are_sent()
    {
        await using var collector = await HttpLedger.StartAsync();
        await using var bench = await Bench.StartAsync(
            options: new() { ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Url.ToString(), ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf" }, server: nats.Server);

        await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString(), Trace = Caller });
        await bench.IsEmptyAsync();
        Assert.Equal(0, await bench.Worker.TerminateAsync());

        var send = Assert.Single(bench.Sends).Header("traceparent");
        var post = Assert.Single(bench.Posts).Header("traceparent");
        Assert.StartsWith($"00-{TraceId}-", send, StringComparison.Ordinal);
        Assert.StartsWith($"00-{TraceId}-", post, StringComparison.Ordinal);
        Assert.Equal(3, new[] { Caller, send, post }.Distinct().Count());
        var sent = collector.Requests.Where(r => r.Path == "/v1/traces").SelectMany(r => r.Body).ToArray();
        Assert.True(sent.AsSpan().IndexOf(Convert.FromHexString(send!.Split('-')[2])) >= 0, "the function's span");
        Assert.True(sent.AsSpan().IndexOf(Convert.FromHexString(post!.Split('-')[2])) >= 0, "the callback's span");
        Assert.True(sent.AsSpan().IndexOf("queue-worker"u8) >= 0, "the service's name");
    }

    [Fact]
    public async Task Without_a_collector_the_trace_is_passed_on_as_it_came()
    {
        await using var bench = await Bench.StartAsync(server: nats.Server);

        await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString(), Trace = Caller });
        await bench.IsEmptyAsync();

        Assert.Equal(Caller, Assert.Single(bench.Sends).Header("traceparent"));
        Assert.Equal(Caller, Assert.Single(bench.Posts).Header("traceparent"));
    }
}
