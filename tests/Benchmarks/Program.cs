using Connectors.Benchmarks;
using Connectors.Benchmarks.Micro;
using Connectors.Benchmarks.Whole;

var benchmarks = new Dictionary<string, Func<TimeSpan, Task<Report>>>
{
    ["relay"] = RelayBenchmark.RunAsync,
    ["accept"] = AcceptBenchmark.RunAsync,
    ["drain"] = DrainBenchmark.RunAsync,
    ["latency"] = LatencyBenchmark.RunAsync,
    ["kafka"] = _ => KafkaBenchmark.RunAsync(),
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
    var report = await benchmarks[name](request.Duration);
    Console.WriteLine(report.Markdown);
    if (request.Save)
    {
        await report.SaveAsync(name);
    }
}

return 0;
