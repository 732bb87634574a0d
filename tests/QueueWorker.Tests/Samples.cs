using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Connectors.QueueWorker.Tests;

/// <summary>What the parts of a worker that run in this process have counted.</summary>
internal static partial class Samples
{
    /// <summary>A metric's value for a queue, or for a function in it; null if there is none.</summary>
    public static async Task<double?> ReadAsync(string metric, string queue, string? function = null)
    {
        var labels = $"queue_name=\"{queue}\"" + (function is null ? "" : $",function_name=\"{function}\"");
        var start = $"{metric}{{{labels}}} ";
        var line = (await LinesAsync()).SingleOrDefault(sample => sample.StartsWith(start, StringComparison.Ordinal));
        return line is null ? null : double.Parse(line[start.Length..], CultureInfo.InvariantCulture);
    }

    /// <summary>Every function of which anything is told in a queue.</summary>
    public static async Task<IReadOnlyList<string>> FunctionsAsync(string queue) =>
        [.. (await LinesAsync()).Where(line => line.Contains($"queue_name=\"{queue}\"", StringComparison.Ordinal))
            .Select(line => Function().Match(line))
            .Where(match => match.Success)
            .Select(match => match.Groups[1].Value)
            .Distinct()
            .Order(StringComparer.Ordinal)];

    private static async Task<string[]> LinesAsync()
    {
        using var text = new MemoryStream();
        await Prometheus.Metrics.DefaultRegistry.CollectAndExportAsTextAsync(text);
        return Encoding.UTF8.GetString(text.ToArray()).Split('\n');
    }

    [GeneratedRegex("function_name=\"([^\"]*)\"")]
    private static partial Regex Function();
}
