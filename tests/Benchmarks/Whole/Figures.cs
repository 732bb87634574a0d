using System.Globalization;

namespace Connectors.Benchmarks.Whole;

/// <summary>What a load, a function or a baseline measured: lines of a name and a number, as they print them.</summary>
internal sealed class Figures(string text)
{
    private readonly Dictionary<string, double> _all = text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(line => line.Split(' '))
        .ToDictionary(words => words[0], words => double.Parse(words[1], CultureInfo.InvariantCulture));

    internal double this[string name] => _all.GetValueOrDefault(name);

    internal TimeSpan Time(string name) => TimeSpan.FromMicroseconds(this[name] / 1_000);

    internal Latency Latency => new(Time("p50"), Time("p99"), Time("p999"));
}

/// <summary>How long most, nearly all and almost all took.</summary>
internal readonly record struct Latency(TimeSpan Median, TimeSpan Percentile99, TimeSpan Percentile999);
