using System.Net;

namespace Connectors.DocsSite;

/// <summary>What surrounds a page.</summary>
internal static class Layout
{
    private static readonly (string Address, string Name)[] Top =
    [
        ("README.html", "Connectors"), ("docs/tutorial.html", "Tutorial"), ("docs/README.html", "All pages"), ("docs/architecture.html", "Architecture"), ("CHANGELOG.html", "Changes"),
    ];

    public static IReadOnlyList<string> Assets { get; } = ["site.css", "search.js"];

    public static string Asset(string name)
    {
        using var reader = new StreamReader(typeof(Layout).Assembly.GetManifestResourceStream(name)!); // It is embedded.
        return reader.ReadToEnd();
    }

    public static string Document(Page page, string html)
    {
        var up = Up(page.Address);
        return $"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>{WebUtility.HtmlEncode(page.Title)}</title>
            <link rel="stylesheet" href="{up}site.css">
            <script src="{up}search.js" data-root="{up}" defer></script>
            </head>
            <body>
            <header>
            <nav>{string.Join(' ', Top.Select(link => $"<a href=\"{up}{link.Address}\">{link.Name}</a>"))}</nav>
            <form role="search"><input type="search" placeholder="Search" aria-label="Search the pages" autocomplete="off"></form>
            </header>
            <ol id="found" hidden></ol>
            <main>
            {html}
            </main>
            </body>
            </html>

            """;
    }

    public static string Forward(string address) => $"<!DOCTYPE html><meta charset=\"utf-8\"><title>Connectors</title><meta http-equiv=\"refresh\" content=\"0; url={address}\"><a href=\"{address}\">Connectors</a>\n";

    /// <summary>From a page to the site's root.</summary>
    public static string Up(string address) => string.Concat(Enumerable.Repeat("../", address.Count(c => c == '/')));
}
