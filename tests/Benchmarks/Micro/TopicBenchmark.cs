using BenchmarkDotNet.Attributes;
using Connectors.Sdk.Invocation;
using Connectors.Sdk.Topics;
using Connectors.Streams.Records;

namespace Connectors.Benchmarks.Micro;

/// <summary>1,000 functions, of which ten want each topic.</summary>
public class TopicBenchmark
{
    private readonly TopicMap _exact = new(Functions(topic => topic), ",", withPatterns: true);
    private readonly TopicMap _patterns = new(Functions(topic => topic + ".*"), ",", withPatterns: true);

    [Benchmark(Description = "exact topics")]
    public IReadOnlyList<FunctionName> Exact() => _exact.Match("orders.42");

    [Benchmark(Description = "1,000 patterns")]
    public IReadOnlyList<FunctionName> Patterns() => _patterns.Match("orders.42.paid");

    private static IEnumerable<Function> Functions(Func<string, string> wish) =>
        from number in Enumerable.Range(0, 1_000)
        select new Function(
            new FunctionName($"fn-{number}", "openfaas-fn"), new Dictionary<string, string> { [Function.TopicAnnotation] = wish($"orders.{number % 100}") });
}
