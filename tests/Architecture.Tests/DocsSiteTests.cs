using System.Text.RegularExpressions;
using Connectors.DocsSite;

namespace Connectors.Architecture.Tests;

/// <summary>The site that <c>./docs-site</c> makes of the pages.</summary>
public sealed partial class DocsSiteTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("docs-site-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Links_of_pages_lead_somewhere() => Assert.Empty(Site.Read(Repository.Root).Faults);

    [Fact]
    public void A_link_to_a_page_or_a_heading_that_is_not_there_is_a_fault()
    {
        foreach (var folder in new[] { "docs", "samples", "charts", "connector-sdk", "gateway", "connectors" })
        {
            _folder.CreateSubdirectory(folder);
        }

        foreach (var page in new[] { "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md" })
        {
            File.WriteAllText(Path.Combine(_folder.FullName, page), "# Page");
        }

        File.WriteAllText(Path.Combine(_folder.FullName, "README.md"), "# Read me\n\n[a](docs/a.md) [b](docs/a.md#there) [c](docs/a.md#not-there) [d](docs/b.md) [e](https://example.com/#any)");
        File.WriteAllText(Path.Combine(_folder.FullName, "docs", "a.md"), "# A\n\n## There\n\n[up](../README.md#read-me) [here](#there) [folder](../charts) ![picture](none.png)");

        Assert.Equal(["README.md: docs/a.md#not-there", "README.md: docs/b.md", "docs/a.md: none.png"], Site.Read(_folder.FullName).Faults);
    }

    [Fact]
    public void All_that_the_site_links_to_is_in_it()
    {
        Site.Read(Repository.Root).Write(_folder.FullName);

        var links = (from file in Directory.EnumerateFiles(_folder.FullName, "*.html", SearchOption.AllDirectories)
                     from Match link in Link().Matches(File.ReadAllText(file))
                     select (From: file, To: link.Groups[1].Value)).ToList();
        Assert.InRange(links.Count, 100, int.MaxValue);
        Assert.Empty(links.Where(link => !File.Exists(Path.GetFullPath(Path.Combine(Path.GetDirectoryName(link.From)!, link.To))))
            .Select(link => $"{Path.GetRelativePath(_folder.FullName, link.From)}: {link.To}"));
        Assert.True(File.Exists(Path.Combine(_folder.FullName, "search.json")));
    }

    [GeneratedRegex("""(?:href|src)="(?![a-z]+:|#)([^"#]+)""")]
    private static partial Regex Link();
}
