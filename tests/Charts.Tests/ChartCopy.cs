namespace Connectors.Charts.Tests;

/// <summary>A copy of a chart, to be changed; the library chart in it is no link but a folder too.</summary>
internal sealed class ChartCopy : IDisposable
{
    private readonly DirectoryInfo _copy = Directory.CreateTempSubdirectory("chart-");

    public ChartCopy(string chart) => Copy(new DirectoryInfo(Helm.ChartDirectory(chart)), _copy);

    public string Folder => _copy.FullName;

    public void Dispose() => _copy.Delete(recursive: true);

    private static void Copy(DirectoryInfo from, DirectoryInfo to)
    {
        foreach (var file in from.GetFiles())
        {
            file.CopyTo(Path.Combine(to.FullName, file.Name));
        }

        foreach (var folder in from.GetDirectories())
        {
            Copy(folder, to.CreateSubdirectory(folder.Name));
        }
    }
}
