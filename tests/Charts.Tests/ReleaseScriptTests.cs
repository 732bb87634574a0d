using Connectors.Testing;

namespace Connectors.Charts.Tests;

/// <summary>What <c>./release</c> makes of the charts installs as the charts themselves do.</summary>
public class ReleaseScriptTests
{
    // The script itself, where packing makes nothing: what is shown follows it.
    [Fact]
    public async Task A_dry_run_shows_no_key()
    {
        var root = Directory.CreateTempSubdirectory("release-");
        try
        {
            foreach (var file in new[] { "release", "Directory.Build.props", "CHANGELOG.md" })
            {
                File.Copy(Path.Combine(Tools.RepositoryRoot, file), Path.Combine(root.FullName, file));
            }

            File.CreateSymbolicLink(Path.Combine(root.FullName, "pack"), "/bin/true");
            await using var release = ChildProcess.Start(Path.Combine(root.FullName, "release"), ["--dry-run", "packages"], new Dictionary<string, string> { ["NUGET_API_KEY"] = "s3cr3t" });

            Assert.True(await release.ExitAsync() == 0, string.Join('\n', release.Lines));
            Assert.Contains(release.Lines, line => line.EndsWith("--api-key NUGET_API_KEY", StringComparison.Ordinal));
            Assert.DoesNotContain(release.Lines, line => line.Contains("s3cr3t", StringComparison.Ordinal));
        }
        finally
        {
            root.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Packaged_charts_hold_all_that_they_need()
    {
        await using var release = ChildProcess.Start(Path.Combine(Tools.RepositoryRoot, "release"), ["--dry-run", "charts"], new Dictionary<string, string>());
        Assert.True(await release.ExitAsync() == 0, string.Join('\n', release.Lines));
        var made = release.Lines.Where(line => line.EndsWith(".tgz", StringComparison.Ordinal) && !line.Contains("would run", StringComparison.Ordinal)).Select(line => line.Trim()).ToList();
        var folder = Path.Combine(Tools.RepositoryRoot, release.Lines.Single(line => line.StartsWith("Made below", StringComparison.Ordinal)).Split(' ')[2].TrimEnd(';'));

        Assert.Equal(6, made.Count);
        Assert.Equal(6, release.Lines.Count(line => line.Contains("push", StringComparison.Ordinal) && line.Contains("oci://", StringComparison.Ordinal)));
        foreach (var package in made)
        {
            var chart = package[(package.IndexOf('/', StringComparison.Ordinal) + 1)..package.LastIndexOf('-')];
            string[] options = ["--set", "prometheusRule.enabled=true,dashboard.enabled=true", .. Helm.Options(Helm.Needed(chart))];
            var packaged = await Helm.RunAsync(["template", "r", Path.Combine(folder, package), .. options]);
            var plain = await Helm.RunAsync(["template", "r", Helm.ChartDirectory(chart), .. options]);

            Assert.All(packaged.Zip(plain), pair => Assert.Equal((0, Helm.WithoutPassword(pair.Second.Output)), (pair.First.ExitCode, Helm.WithoutPassword(pair.First.Output))));
        }
    }
}
