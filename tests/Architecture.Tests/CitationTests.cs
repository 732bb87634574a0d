using System.Text.RegularExpressions;

namespace Connectors.Architecture.Tests;

/// <summary>What pages and comments cite is in the repository.</summary>
public partial class CitationTests
{
    private static readonly string[] Pages = [.. Repository.Files("*.md").Where(file => !Repository.Relative(file).StartsWith("tests/", StringComparison.Ordinal))];

    [Fact]
    public void Every_page_stands_in_the_index()
    {
        var pages = Pages.Where(page => Indexed().IsMatch(Repository.Relative(page))).ToHashSet();
        var listed = from index in new[] { "docs/README.md", "docs/decisions/README.md" }
                     let folder = Path.Combine(Repository.Root, Path.GetDirectoryName(index)!)
                     from Match link in Link().Matches(File.ReadAllText(Path.Combine(Repository.Root, index)))
                     select Path.GetFullPath(Path.Combine(folder, link.Groups[1].Value));
        Assert.InRange(pages.Count, 50, int.MaxValue);
        pages.ExceptWith(listed);

        Assert.Empty(pages.Select(Repository.Relative));
    }

    [Fact]
    public void Files_and_folders_that_the_architecture_page_names_are_there()
    {
        var page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "architecture.md"));
        var named = TreePath().Matches(page).Select(match => match.Groups[1].Value.TrimEnd('/')).Distinct().ToList();
        Assert.InRange(named.Count, 40, int.MaxValue);

        Assert.DoesNotContain(named, path => !File.Exists(Path.Combine(Repository.Root, path)) && !Directory.Exists(Path.Combine(Repository.Root, path)));
    }

    [Fact]
    public void Pages_that_comments_cite_are_there()
    {
        var citations = (from file in Repository.Files("*.cs").Where(file => !file.Contains("/tests/Architecture.Tests/", StringComparison.Ordinal))
                         from Match cited in CitedPage().Matches(File.ReadAllText(file))
                         select (File: Repository.Relative(file), Page: cited.Value)).ToList();

        Assert.InRange(citations.Count, 40, int.MaxValue);
        Assert.DoesNotContain(citations, cited => !File.Exists(Path.Combine(Repository.Root, cited.Page)));
    }

    [Fact]
    public void Nothing_cites_papers_that_are_not_here()
    {
        var citing = Repository.Files("*.cs").Concat(Pages)
            .Where(file => !file.Contains("/tests/Architecture.Tests/", StringComparison.Ordinal) && Absent().IsMatch(File.ReadAllText(file)))
            .Select(Repository.Relative);

        Assert.Empty(citing);
        Assert.All(new[] { "see openfaas-spec.md", "docs/design.md", "design, section 5" }, cited => Assert.Matches(Absent(), cited));
    }

    // [text](relative/path.md#part), and no address.
    [GeneratedRegex(@"\]\((?![a-z]+:|#)([^)#\s]+)(?:#[^)]*)?\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"`((?:gateway|queue-worker|connectors|connector-sdk|samples|tests|charts|docs)(?:/[\w.-]+)+/?)`")]
    private static partial Regex TreePath();

    [GeneratedRegex(@"^(?:docs/(?!README)|samples/[^/]+/README\.md)")]
    private static partial Regex Indexed();

    [GeneratedRegex(@"\bdocs/[\w/-]+\.md\b")]
    private static partial Regex CitedPage();

    [GeneratedRegex(@"openfaas-spec|\bdesign(\.md|,? sections? \d)", RegexOptions.IgnoreCase)]
    private static partial Regex Absent();
}
