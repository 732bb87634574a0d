using Connectors.Testing;

namespace Connectors.Charts.Tests;

/// <summary>A copy of a chart that renders its notes too: they are no part of what "helm template" shows.</summary>
internal sealed class NotedChart : IDisposable
{
    private readonly ChartCopy _copy;
    private readonly string _chart;

    public NotedChart(string chart)
    {
        _chart = chart;
        _copy = new ChartCopy(chart);
        File.WriteAllText(
            Path.Combine(_copy.Folder, "templates", "zz-notes.yaml"),
            "kind: Notes\nmetadata:\n  name: notes\ntext: |\n  {{- include (print $.Template.BasePath \"/NOTES.txt\") . | nindent 2 }}\n");
    }

    /// <summary>Objects and notes as text, or why there are none.</summary>
    public async Task<(int ExitCode, string Output)> RenderAsync(string release, params string[] values)
    {
        var (exitCode, output) = await HelmTool.RunAsync(
            HelmTool.Versions[^1], ["template", release, _copy.Folder, "--namespace", "openfaas", .. Helm.Options(Helm.Needed(_chart).Concat(values))]);
        return (exitCode, Helm.WithoutPassword(output));
    }

    public void Dispose() => _copy.Dispose();
}
