using Connectors.Benchmarks;
using Connectors.Benchmarks.Baselines;
using Connectors.Benchmarks.Micro;
using Connectors.Benchmarks.Whole;

if (args is ["baseline", var kind, var target])
{
    await Baseline.RunAsync(kind, target);
    return 0;
}

var benchmarks = new Dictionary<string, Func<BenchmarkRequest, Task<Report>>>
{
    ["relay"] = RelayBenchmark.RunAsync,
    ["accept"] = AcceptBenchmark.RunAsync,
    ["through"] = ThroughBenchmark.RunAsync,
    ["drain"] = DrainBenchmark.RunAsync,
    ["latency"] = LatencyBenchmark.RunAsync,
    ["start"] = StartBenchmark.RunAsync,
    ["kafka"] = KafkaBenchmark.RunAsync,
    ["sqs"] = SqsBenchmark.RunAsync,
    ["envelope"] = _ => MicroBenchmark.RunAsync<EnvelopeBenchmark>("Envelope: one message header, written and read"),
    ["topics"] = _ => MicroBenchmark.RunAsync<TopicBenchmark>("Topic map: 1,000 functions, one look-up"),
};

var request = BenchmarkRequest.Parse(args, [.. benchmarks.Keys]);
if (request.Fault is not null)
{
    await Console.Error.WriteLineAsync($"bench: {request.Fault}");
    return 2;
}

foreach (var name in request.Names)
{
    var report = await benchmarks[name](request);
    Console.WriteLine(report.Markdown);
    if (request.Save)
    {
        await report.SaveAsync(name);
    }
}

return 0;
