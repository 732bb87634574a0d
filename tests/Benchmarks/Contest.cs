using System.Globalization;
using Connectors.Benchmarks.Whole;

namespace Connectors.Benchmarks;

/// <summary>
/// Measures several ways of doing the same in turn, several times, so that what the machine does meanwhile meets all of them alike. What is compared are ratios
/// within a round; a figure by itself says little.
/// </summary>
internal static class Contest
{
    /// <summary>Runs the contest and tells the medians, each with the least and the most seen.</summary>
    /// <param name="title">What is compared.</param>
    /// <param name="unit">What is counted: calls, for example.</param>
    /// <param name="baselines">The contestants that the others are compared to.</param>
    /// <param name="request">How long and how often.</param>
    /// <param name="contestants">Who takes part.</param>
    internal static async Task<Report> RunAsync(string title, string unit, IReadOnlyList<string> baselines, BenchmarkRequest request, IReadOnlyList<Contestant> contestants)
    {
        var all = contestants.ToDictionary(contestant => contestant.Name, _ => new List<Sample>());
        var first = new Dictionary<string, double>();
        foreach (var contestant in contestants)
        {
            first[contestant.Name] = (await MeasureAsync(contestant, request.WarmUp)).PerSecond;
            await contestant.MeasureAsync(request.WarmUp);
        }

        for (var round = 0; round < request.Rounds; round++)
        {
            foreach (var contestant in contestants.Skip(round % contestants.Count).Concat(contestants.Take(round % contestants.Count)))
            {
                all[contestant.Name].Add(await MeasureAsync(contestant, request.Duration));
            }
        }

        var report = new Report(title).Row(["", $"{unit}/s", .. baselines.Select(baseline => $"times {baseline}"), "p50", "p99", "p99.9", "failed", "first seconds"]);
        foreach (var (name, samples) in all)
        {
            report.Row([
                name,
                Spread(samples.Select(sample => sample.PerSecond)),
                .. baselines.Select(baseline => Spread(samples.Zip(all[baseline], (own, other) => own.PerSecond / other.PerSecond))),
                Median(samples.Select(sample => sample.Latency.Median)),
                Median(samples.Select(sample => sample.Latency.Percentile99)),
                Median(samples.Select(sample => sample.Latency.Percentile999)),
                samples.Sum(sample => sample.Failed),
                first[name],
            ]);
        }

        foreach (var other in request.Others)
        {
            Compare(report, all, other);
        }

        report.Table().Row("processes", "µs of processor for one", "bytes allocated for one", "MB in memory", "of these its own");
        foreach (var (name, samples) in all)
        {
            foreach (var part in samples[0].Costs.Select(cost => cost.Part))
            {
                var costs = samples.Select(sample => sample.Costs.First(cost => cost.Part == part)).ToList();
                report.Row(
                    $"{name}: {part}",
                    Spread(costs.Select(cost => cost.Microseconds)),
                    costs[0].Bytes is null ? "" : Median(costs.Select(cost => cost.Bytes ?? 0)),
                    costs[^1].Resident / 1000.0,
                    costs[^1].Own / 1000.0);
            }
        }

        return report.Note(
            $"{request.Rounds} rounds of {request.Duration.TotalSeconds:0.#} s in turn after a warm-up; medians, in brackets the least and the most. Ratios are taken round by round. Everything runs on this one machine.");
    }

    private static async Task<Sample> MeasureAsync(Contestant contestant, TimeSpan duration)
    {
        var before = contestant.Parts.Select(part => part.Usage).ToList();
        var (measured, count) = await contestant.MeasureAsync(duration);
        var costs = contestant.Parts.Zip(before, (part, then) => Cost.Of(part.Name, then, part.Usage, count)).ToList();
        return measured with { Costs = costs };
    }

    private static void Compare(Report report, Dictionary<string, List<Sample>> all, Build other)
    {
        report.Table().Row($"against {other.Name}", "times as many", "times its p99", "times its processor time");
        foreach (var (name, samples) in all)
        {
            if (all.TryGetValue(other.Named(name), out var others))
            {
                report.Row(
                    name,
                    Spread(samples.Zip(others, (own, then) => own.PerSecond / then.PerSecond)),
                    Spread(samples.Zip(others, (own, then) => own.Latency.Percentile99 / then.Latency.Percentile99)),
                    string.Join(", ", samples[0].Costs.Select((cost, at) =>
                        $"{cost.Part} {Spread(samples.Zip(others, (own, then) => own.Costs[at].Microseconds / then.Costs[at].Microseconds))}")));
            }
        }
    }

    private static string Spread(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        return $"{Report.Format(Median(sorted))} ({Report.Format(sorted[0])}–{Report.Format(sorted[^1])})";
    }

    private static double Median(IEnumerable<double> values) => values.Order().ToList() is { Count: > 0 } sorted ? (sorted[sorted.Count / 2] + sorted[(sorted.Count - 1) / 2]) / 2 : 0;

    private static TimeSpan Median(IEnumerable<TimeSpan> values) => TimeSpan.FromMicroseconds(Median(values.Select(value => value.TotalMicroseconds)));
}

/// <summary>One way of doing what a contest is about.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Parts">The processes that do it.</param>
/// <param name="MeasureAsync">Does it for a while; returns what came of it and how many were done, by which the costs are divided.</param>
internal sealed record Contestant(string Name, IReadOnlyList<Part> Parts, Func<TimeSpan, Task<(Sample Sample, double Count)>> MeasureAsync);

/// <summary>What one contestant did in one round.</summary>
internal sealed record Sample(double PerSecond, Latency Latency, long Failed)
{
    internal IReadOnlyList<Cost> Costs { get; init; } = [];

    /// <summary>What a load measured.</summary>
    internal static (Sample Sample, double Count) Of(Figures load) =>
        (new Sample(load["requests"] / load.Time("seconds_ns").TotalSeconds, load.Latency, (long)(load["refused"] + load["broken"])), load["requests"]);
}

/// <summary>What one of a process's calls cost it.</summary>
internal sealed record Cost(string Part, double Microseconds, double? Bytes, long Resident, long Own)
{
    internal static Cost Of(string part, Usage before, Usage after, double count) =>
        new(part, (after.Cpu - before.Cpu).TotalMicroseconds / count, (after.Allocated - before.Allocated) / count, after.Resident, after.Own);
}
