using System.Text;
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
}
