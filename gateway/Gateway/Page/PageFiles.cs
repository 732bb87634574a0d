using System.Security.Cryptography;
using Microsoft.Net.Http.Headers;

namespace Connectors.Gateway.Page;

/// <summary>The page's files, which lie in this assembly. Scripts, styles and data come from this gateway alone; nothing of another host is ever loaded.</summary>
internal sealed class PageFiles
{
    private const string Home = "/ui/";
    private const string Prefix = "page/";
    private const string Index = "index.html";

    // Styles and scripts of ours alone, no markup made of text, no frame around the page.
    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
        + "require-trusted-types-for 'script'; trusted-types 'none'";

    private static readonly Dictionary<string, string> Types = new()
    {
        [".html"] = "text/html; charset=utf-8",
        [".css"] = "text/css; charset=utf-8",
        [".js"] = "text/javascript; charset=utf-8",
        [".svg"] = "image/svg+xml",
    };

    private readonly Dictionary<string, PageFile> _files = typeof(PageFiles).Assembly.GetManifestResourceNames()
        .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal))
        .ToDictionary(name => name[Prefix.Length..], Read);

    /// <summary>
    /// A browser at the gateway's root is led to the page, if there is one. Anybody else gets a line that says nothing of the gateway: a load balancer that
    /// nobody told of another path asks here whether the gateway is well.
    /// </summary>
    public static Task WelcomeAsync(HttpContext http, bool isPageOn)
    {
        if (!isPageOn || !http.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase))
        {
            return Answer.TextAsync(http, StatusCodes.Status200OK, "OK");
        }

        http.Response.Redirect(Home);
        return Task.CompletedTask;
    }

    /// <summary>A file, or the document for each of the page's own addresses: which view that is the script knows.</summary>
    public Task AnswerAsync(HttpContext http)
    {
        if (http.Request.Path == "/ui")
        {
            http.Response.Redirect(Home);
            return Task.CompletedTask;
        }

        var path = http.Request.RouteValues["path"] as string ?? "";
        if (!_files.TryGetValue(path.Contains('.', StringComparison.Ordinal) ? path : Index, out var file))
        {
            return Answer.TextAsync(http, StatusCodes.Status404NotFound, "The page has no such file.");
        }

        var headers = http.Response.Headers;
        headers.ContentSecurityPolicy = Policy;
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers.CacheControl = "no-cache";
        headers.ETag = file.Tag;
        if (http.Request.Headers[HeaderNames.IfNoneMatch] == file.Tag)
        {
            http.Response.StatusCode = StatusCodes.Status304NotModified;
            return Task.CompletedTask;
        }

        http.Response.ContentType = file.Type;
        http.Response.ContentLength = file.Bytes.Length;
        return http.Response.Body.WriteAsync(file.Bytes, http.RequestAborted).AsTask();
    }

    private static PageFile Read(string resource)
    {
        using var stream = typeof(PageFiles).Assembly.GetManifestResourceStream(resource)!; // It was listed.
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return new PageFile(bytes, Types[Path.GetExtension(resource)], $"\"{Convert.ToHexString(SHA256.HashData(bytes))[..16]}\"");
    }

    private sealed record PageFile(byte[] Bytes, string Type, string Tag);
}
