using System.Text;
using Markdig;
using Markdig.Extensions.AutoIdentifiers;
using Markdig.Renderers;
using Markdig.Renderers.Html;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace Connectors.DocsSite;

/// <summary>One page: a Markdown file of the repository.</summary>
internal sealed class Page
{
    private static readonly MarkdownPipeline Pipeline = new MarkdownPipelineBuilder().UsePipeTables().UseAutoIdentifiers(AutoIdentifierOptions.GitHub).UseAutoLinks().Build();

    private readonly MarkdownDocument _document;

    private Page(string path, MarkdownDocument document)
    {
        (Path, _document) = (path, document);
        Sections = [.. Split()];
        Title = Sections.FirstOrDefault(section => section.Title.Length > 0)?.Title ?? path;
        Links = [.. _document.Descendants<LinkInline>().Select(link => link.Url ?? "").Where(url => url.Length > 0)];
        Ids = _document.Descendants<HeadingBlock>().Select(heading => heading.GetAttributes().Id ?? "").ToHashSet();
    }

    /// <summary>The file, from the repository's root.</summary>
    public string Path { get; }

    /// <summary>Where the site has it: a README is its folder's index.</summary>
    public string Address => System.IO.Path.ChangeExtension(Path, ".html");

    public string Title { get; }

    public IReadOnlyList<string> Links { get; }

    public IReadOnlySet<string> Ids { get; }

    /// <summary>What the search finds: each heading with the text below it.</summary>
    public IReadOnlyList<Section> Sections { get; }

    public static Page Parse(string path, string text) => new(path, Markdown.Parse(text, Pipeline));

    /// <summary>The page as HTML.</summary>
    /// <param name="follow">Where a link leads on the site; null if to nothing that the site has, and only its text is shown.</param>
    public string Html(Func<string, string?> follow)
    {
        foreach (var link in _document.Descendants<LinkInline>().ToList())
        {
            if (follow(link.Url ?? "") is { } address)
            {
                link.Url = address;
            }
            else
            {
                var text = new EmphasisInline { DelimiterChar = '*', DelimiterCount = 1 };
                link.ReplaceBy(text, copyChildren: true);
            }
        }

        using var writer = new StringWriter();
        var renderer = new HtmlRenderer(writer);
        Pipeline.Setup(renderer);
        renderer.Render(_document);
        return writer.ToString();
    }

    private IEnumerable<Section> Split()
    {
        var (id, title, text) = ("", "", new StringBuilder());
        foreach (var block in _document)
        {
            if (block is HeadingBlock heading)
            {
                if (title.Length > 0)
                {
                    yield return new Section(id, title, text.ToString().Trim());
                }

                (id, title, text) = (heading.GetAttributes().Id ?? "", Text(heading), new StringBuilder());
            }
            else
            {
                text.Append(Text(block)).Append(' ');
            }
        }

        yield return new Section(id, title, text.ToString().Trim());
    }

    private static string Text(MarkdownObject block)
    {
        using var writer = new StringWriter();
        var renderer = new HtmlRenderer(writer) { EnableHtmlForBlock = false, EnableHtmlForInline = false, EnableHtmlEscape = false };
        Pipeline.Setup(renderer);
        renderer.Render(block);
        return string.Join(' ', writer.ToString().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
    }
}

/// <summary>A heading with the text below it.</summary>
/// <param name="Id">Its part of the address; empty for what stands before the first heading.</param>
/// <param name="Title">The heading.</param>
/// <param name="Text">The text.</param>
internal sealed record Section(string Id, string Title, string Text);
