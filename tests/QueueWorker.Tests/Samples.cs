using System.Globalization;
using System.Text;

namespace Connectors.QueueWorker.Tests;

/// <summary>What the parts of a worker that run in this process have counted.</summary>
internal static class Samples
{
    /// <summary>A metric's value for a queue, or for a function in it; null if there is none.</summary>
    public static async Task<double?> ReadAsync(string metric, string queue, string? function = null)
    {
        using var text = new MemoryStream();
        await Prometheus.Metrics.DefaultRegistry.CollectAndExportAsTextAsync(text);
        var labels = $"queue_name=\"{queue}\"" + (function is null ? "" : $",function_name=\"{function}\"");
        var start = $"{metric}{{{labels}}} ";
        var line = Encoding.UTF8.GetString(text.ToArray()).Split('\n').SingleOrDefault(sample => sample.StartsWith(start, StringComparison.Ordinal));
        return line is null ? null : double.Parse(line[start.Length..], CultureInfo.InvariantCulture);
    }
}
