using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Connectors.Architecture.Tests;

/// <summary>One version, that of Directory.Build.props, for programs, packages, charts and images.</summary>
public partial class VersionTests
{
    // The values of each chart that is installed.
    private static IReadOnlyList<string> Charts { get; } =
        [.. Repository.Files("values.yaml").Where(file => Repository.Relative(file).StartsWith("charts/", StringComparison.Ordinal))];

    private static string Version { get; } = XDocument.Load(Path.Combine(Repository.Root, "Directory.Build.props")).Descendants("Version").Single().Value;

    [Fact]
    public void There_are_charts() => Assert.InRange(Charts.Count, 6, int.MaxValue);

    [Fact]
    public void Charts_have_the_version_of_the_programs()
    {
        var charts = Repository.Files("Chart.yaml").SelectMany(file => ChartVersion().Matches(File.ReadAllText(file)), (file, match) => (file, match.Groups[1].Value)).ToList();

        // Each its own, its programs' and that of the chart that they share, which is linked into each; and that chart's own where it lies.
        Assert.Equal((4 * Charts.Count) + 1, charts.Count);
        Assert.All(charts, chart => Assert.True(chart.Value == Version, $"{Repository.Relative(chart.file)} says {chart.Value}, Directory.Build.props {Version}"));
    }

    // With no tag of its own, a chart takes the one that is its appVersion.
    [Fact]
    public void Charts_start_the_images_of_their_version() => Assert.All(Charts, file => Assert.Matches(NoTag(), File.ReadAllText(file)));

    [Fact]
    public void Images_are_labelled_with_it()
    {
        var labels = ImageVersion().Matches(File.ReadAllText(Path.Combine(Repository.Root, "Dockerfile")));

        Assert.NotEmpty(labels);
        Assert.All(labels, match => Assert.Equal(Version, match.Groups[1].Value));
    }

    [Fact]
    public void Charts_tell_a_catalogue_the_images_of_their_version()
    {
        var images = Repository.Files("Chart.yaml").SelectMany(file => CataloguedImage().Matches(File.ReadAllText(file)), (file, match) => match.Groups[1].Value).ToList();

        Assert.Equal(Charts.Count, images.Count);
        Assert.All(images, image => Assert.Equal(Version, image));
    }

    // Ours have the one version, everybody else's that of Directory.Packages.props.
    [Fact]
    public void Templates_ask_for_the_packages_that_were_tested()
    {
        var tested = XDocument.Load(Path.Combine(Repository.Root, "Directory.Packages.props")).Descendants("PackageVersion")
            .ToDictionary(package => package.Attribute("Include")!.Value, package => package.Attribute("Version")!.Value);
        var asked = Repository.Files("*.csproj").Where(file => Repository.Relative(file).StartsWith("connector-sdk/Templates/", StringComparison.Ordinal))
            .SelectMany(file => XDocument.Load(file).Descendants("PackageReference"))
            .Select(package => (Name: package.Attribute("Include")!.Value, Version: package.Attribute("Version")!.Value))
            .ToList();

        Assert.NotEmpty(asked);
        Assert.All(asked, package => Assert.Equal(tested.GetValueOrDefault(package.Name, Version), package.Version));
    }

    // The chart's own, its programs' and that of the chart that it shares: never kubeVersion or apiVersion.
    [GeneratedRegex(@"^\s*(?:version|appVersion): ""?([^""\s]+)""?\s*$", RegexOptions.Multiline)]
    private static partial Regex ChartVersion();

    [GeneratedRegex(@"^\s+image: \S+:(\S+)$", RegexOptions.Multiline)]
    private static partial Regex CataloguedImage();

    [GeneratedRegex("^ARG VERSION=(.*)$", RegexOptions.Multiline)]
    private static partial Regex ImageVersion();

    [GeneratedRegex("""^image:\n(?:  .*\n)*  tag: ""$""", RegexOptions.Multiline)]
    private static partial Regex NoTag();
}
