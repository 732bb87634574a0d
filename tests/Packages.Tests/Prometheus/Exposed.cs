using System.Diagnostics;
using System.Text;
using Connectors.Testing;
using Prometheus;

namespace Connectors.Packages.Tests.Prometheus;

/// <summary>A registry of one test's own, and what a scrape of it says.</summary>
internal sealed class Exposed
{
    public Exposed() => Metrics = global::Prometheus.Metrics.WithCustomRegistry(Registry);

    public CollectorRegistry Registry { get; } = global::Prometheus.Metrics.NewCustomRegistry();

    public MetricFactory Metrics { get; }

    public async Task<string> TextAsync()
    {
        using var stream = new MemoryStream();
        await Registry.CollectAndExportAsTextAsync(stream, TestContext.Current.CancellationToken);
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    /// <summary>What <c>promtool check metrics</c> says of an exposition: nothing, if it is sound.</summary>
    public static async Task<string> PromtoolAsync(string exposition)
    {
        var start = new ProcessStartInfo(Tools.Path("prometheus"), ["check", "metrics"])
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        using var promtool = Process.Start(start)!;
        var output = promtool.StandardOutput.ReadToEndAsync();
        var errors = promtool.StandardError.ReadToEndAsync();
        await promtool.StandardInput.WriteAsync(exposition);
        promtool.StandardInput.Close();
        await promtool.WaitForExitAsync();
        return await errors + await output;
    }
}
