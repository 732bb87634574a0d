using System.Text.Json;

namespace Connectors.DocsSite;

/// <summary>The repository's pages as a static site: each page at its own path, its links followed and checked, and an index for the search.</summary>
internal sealed class Site
{
    // Where pages are; those of tests are for who changes them.
    private static readonly string[] Folders = ["docs", "samples", "charts", "connector-sdk", "gateway", "connectors"];
    private static readonly string[] AtRoot = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"];

    private readonly string _root;
    private readonly Dictionary<string, Page> _pages;

    private Site(string root, Dictionary<string, Page> pages)
    {
        (_root, _pages) = (root, pages);
        Faults = [.. _pages.Values.OrderBy(page => page.Path, StringComparer.Ordinal).SelectMany(Check)];
    }

    public IReadOnlyCollection<Page> Pages => _pages.Values;

    /// <summary>Links that lead nowhere, each with its page.</summary>
    public IReadOnlyList<string> Faults { get; }

    public static Site Read(string root)
    {
        var files = AtRoot.Concat(Folders.SelectMany(folder => Directory
            .EnumerateFiles(Path.Combine(root, folder), "*.md", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(root, file).Replace('\\', '/'))
            .Where(path => !path.Split('/').Any(part => part is "bin" or "obj" or "artifacts"))));
        return new Site(root, files.Order(StringComparer.Ordinal).ToDictionary(path => path, path => Page.Parse(path, File.ReadAllText(Path.Combine(root, path)))));
    }

    public void Write(string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (var page in _pages.Values)
        {
            WriteText(folder, page.Address, Layout.Document(page, page.Html(target => Follow(page, target))));
        }

        foreach (var file in _pages.Values.SelectMany(page => page.Links.Select(link => Target(page, link).Path)).Distinct().Where(IsPicture))
        {
            var to = Path.Combine(folder, file);
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(Path.Combine(_root, file), to, overwrite: true);
        }

        WriteText(folder, "index.html", Layout.Forward(_pages["README.md"].Address));
        WriteText(folder, "search.json", JsonSerializer.Serialize(
            _pages.Values.SelectMany(page => page.Sections.Select(section => new { at = page.Address + (section.Id.Length > 0 ? "#" + section.Id : ""), page = page.Title, title = section.Title, text = section.Text }))));
        foreach (var asset in Layout.Assets)
        {
            WriteText(folder, asset, Layout.Asset(asset));
        }
    }

    private static void WriteText(string folder, string path, string text)
    {
        var to = Path.Combine(folder, path);
        Directory.CreateDirectory(Path.GetDirectoryName(to)!);
        File.WriteAllText(to, text);
    }

    private IEnumerable<string> Check(Page page) =>
        from link in page.Links
        where !IsElsewhere(link)
        let target = Target(page, link)
        let isThere = _pages.TryGetValue(target.Path, out var other) ? target.Part.Length == 0 || other.Ids.Contains(target.Part) : target.Part.Length == 0 && Exists(target.Path)
        where !isThere
        select $"{page.Path}: {link}";

    // A page at its address, a picture as it is; what else is in the repository has none here.
    private string? Follow(Page page, string link)
    {
        if (IsElsewhere(link))
        {
            return link;
        }

        var (path, part) = Target(page, link);
        var address = _pages.TryGetValue(path, out var other) ? other.Address
            : _pages.TryGetValue($"{path.TrimEnd('/')}/README.md", out var readme) ? readme.Address
            : IsPicture(path) ? path
            : null;
        return address is null ? null : Layout.Up(page.Address) + address + (part.Length > 0 ? "#" + part : "");
    }

    private bool Exists(string path) => File.Exists(Path.Combine(_root, path)) || Directory.Exists(Path.Combine(_root, path));

    private static bool IsElsewhere(string link) => Uri.TryCreate(link, UriKind.Absolute, out var address) && address.Scheme is not "file";

    private static bool IsPicture(string path) => Path.GetExtension(path) is ".png" or ".svg";

    private static (string Path, string Part) Target(Page page, string link)
    {
        var (path, part) = link.Split('#', 2) is [var before, var after] ? (before, after) : (link, "");
        var from = Path.GetDirectoryName(page.Path) ?? "";
        var whole = path.Length == 0 ? page.Path : Path.GetRelativePath("/", Path.GetFullPath(Path.Combine("/", from, Uri.UnescapeDataString(path))));
        return (whole.Replace('\\', '/'), part);
    }
}
