using System.Globalization;
using System.Net;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.Playwright;

namespace Connectors.Page.Tests;

/// <summary>What a function, which shares the page's host name, cannot do to the page or to whoever logs in there later.</summary>
public sealed class BoundaryTests(PageSystem site) : WindowTests(site)
{
    // Opens a window at one of the gateway's addresses, as a click lets any document do, and asks for a pause from within it. Its first document is still the opener's.
    private const string PauseByWindow = """
        async path => {
          const opened = open(path);
          if (!opened) { return 'not opened'; }
          try {
            while (opened.location.pathname !== path || opened.document.readyState !== 'complete') { await new Promise(next => setTimeout(next, 20)); }
            const headers = { 'X-Connectors-Page': '1', 'Content-Type': 'application/json' };
            return String((await opened.fetch('/system/queues/faas-request/pause', { method: 'POST', headers, body: '{}' })).status);
          } catch (problem) {
            return problem.name;
          }
        }
        """;

    [Fact]
    public async Task A_functions_document_that_was_opened_before_the_login_installs_no_service_worker()
    {
        var page = await OpenLoggedOutAsync("/function/work/document");

        var outcome = await page.EvaluateAsync<string>("() => navigator.serviceWorker.register('/function/work/sw.js', { scope: '/' }).then(() => 'installed', problem => problem.name)");

        Assert.NotEqual("installed", outcome);
    }

    [Theory]
    [InlineData("/function/work/worker.js")]
    [InlineData("/async-function/work")]
    [InlineData("/Function/work/worker.js")]
    public async Task A_functions_script_is_no_service_worker(string path)
    {
        var asker = Guid.NewGuid().ToString();

        using var answer = await Site.SendAsync(HttpMethod.Get, path, null, ("Service-Worker", "script"), ("X-Asker", asker));

        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.DoesNotContain(Site.Function.Requests, request => request.Header("X-Asker") == asker);
    }

    [Theory]
    [InlineData("Set-Cookie: connectors_session=x; path=/ui")]
    [InlineData("Set-Cookie: connectors_session_8080=x; path=/ui")]
    [InlineData("Set-Cookie: connectors_session =x")]
    [InlineData("Set-Cookie:   connectors_session  =x")]
    [InlineData("Set-Cookie: Connectors_Session=x")]
    [InlineData("Set-Cookie: =connectors_session=x")]
    [InlineData("Clear-Site-Data: \"cookies\"")]
    [InlineData("Service-Worker-Allowed: /")]
    [InlineData("NEL: {\"report_to\":\"all\",\"max_age\":86400}")]
    [InlineData("Report-To: {\"group\":\"all\",\"max_age\":86400,\"endpoints\":[{\"url\":\"https://collector.example/\"}]}")]
    public async Task A_function_neither_sets_nor_clears_a_session_opens_no_scope_and_has_nothing_reported(string header)
    {
        var name = header.Split(':')[0];
        foreach (var session in new[] { "a=1", await Site.CookieAsync(PageSystem.Operator) })
        {
            using var answer = await Site.SendAsync(HttpMethod.Get, "/function/work/answers", null, ("Cookie", session), ("X-Answer", $"{header} | Set-Cookie: other=connectors_session"));

            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Equal(["other=connectors_session"], answer.Headers.GetValues("Set-Cookie"));
            Assert.True(name == "Set-Cookie" || !answer.Headers.Contains(name), answer.ToString());
        }
    }

    // A browser keeps each as one cookie, and sends it as it came, before or behind the page's own.
    [Theory]
    [InlineData("z=1,connectors_session=x")]
    [InlineData("z=1 connectors_session=x")]
    [InlineData("z=1,connectors_session=")]
    [InlineData("z=\"connectors_session=x")]
    public async Task What_a_functions_cookie_holds_is_no_session(string written)
    {
        var cookie = written.Replace("_session", $"_session_{Site.Url.Port}", StringComparison.Ordinal);
        using var set = await Site.SendAsync(HttpMethod.Get, "/function/work/answers", null, ("X-Answer", $"Set-Cookie: {cookie}; Path=/"));
        Assert.Equal($"{cookie}; Path=/", set.Headers.GetValues("Set-Cookie").Single());
        var session = await Site.CookieAsync(PageSystem.Operator);

        foreach (var sent in new[] { $"{cookie}; {session}", $"{session}; {cookie}", $"{cookie}, {await Site.CookieAsync(PageSystem.Viewer)}; {session}" })
        {
            using var answer = await Site.SendAsync(HttpMethod.Get, "/system/overview", null, ("Cookie", sent));
            using var who = await Site.SendAsync(HttpMethod.Get, "/ui/session", null, ("Cookie", sent));

            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Contains($"\"user\":\"{PageSystem.Operator}\"", await who.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Of_several_sessions_the_first_that_is_one_counts()
    {
        var sent = $"connectors_session_{Site.Url.Port}=x; {await Site.CookieAsync(PageSystem.Operator)}; {await Site.CookieAsync(PageSystem.Viewer)}";

        using var who = await Site.SendAsync(HttpMethod.Get, "/ui/session", null, ("Cookie", sent));

        Assert.Contains($"\"user\":\"{PageSystem.Operator}\"", await who.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Cache-Control: max-age=31536000")]
    [InlineData("Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT")]
    public async Task A_functions_document_that_a_browser_kept_from_before_the_login_is_of_no_origin_after_it(string header)
    {
        var path = $"/function/work/kept?answer={Uri.EscapeDataString($"{header} | Vary: Accept-Language")}";
        var page = await OpenLoggedOutAsync("/ui/");
        var answer = await page.GotoAsync(new Uri(Site.Url, path).AbsoluteUri);
        Assert.Equal("Accept-Language,Cookie,Origin,Sec-Fetch-Dest,Sec-Fetch-Site", await answer!.HeaderValueAsync("Vary"));
        Assert.Equal(Site.Url.GetLeftPart(UriPartial.Authority), await page.EvaluateAsync<string>("() => self.origin"));

        await page.GotoAsync(new Uri(Site.Url, "/ui/").AbsoluteUri);
        await LogInAsync(page, PageSystem.Operator, PageSystem.Password);
        await page.Locator("h1:not(:text('Log in'))").WaitForAsync();
        await page.GotoAsync(new Uri(Site.Url, path).AbsoluteUri);

        Assert.Equal("null", await page.EvaluateAsync<string>("() => self.origin"));
    }

    [Fact]
    public async Task A_functions_document_in_another_sites_frame_is_of_no_origin_and_gets_one_by_no_window_that_it_opens()
    {
        await using var other = await HttpLedger.StartAsync((_, http) =>
        {
            http.Response.ContentType = "text/html";
            return http.Response.WriteAsync($"<iframe src=\"{new Uri(Site.Url, "/function/work/framed")}\"></iframe>");
        });
        var page = await OpenAsync();
        await page.GotoAsync($"http://localhost:{other.Port}/");
        var frame = page.Frames.Single(one => one.ParentFrame is not null);

        Assert.Equal("null", await frame.EvaluateAsync<string>("() => self.origin"));
        Assert.Equal("SecurityError", await frame.EvaluateAsync<string>(PauseByWindow, "/healthz"));
        Assert.Null((await Site.ApiAsync(HttpMethod.Get, "/system/queues/faas-request"))!["paused"]);
    }

    [Theory]
    [InlineData("/healthz")]
    [InlineData("/openapi.json")]
    [InlineData("/system/queues")]
    public async Task A_functions_document_that_has_the_origin_does_not_get_into_what_the_gateway_says_itself(string path)
    {
        var page = await OpenLoggedOutAsync("/function/work/document");

        Assert.Equal(Site.Url.GetLeftPart(UriPartial.Authority), await page.EvaluateAsync<string>("() => self.origin"));
        Assert.Equal("SecurityError", await page.EvaluateAsync<string>(PauseByWindow, path));
    }

    [Theory]
    [InlineData("Sec-Fetch-Dest: iframe | Sec-Fetch-Site: cross-site", true)]
    [InlineData("Sec-Fetch-Dest: iframe | Sec-Fetch-Site: same-site", true)]
    [InlineData("Sec-Fetch-Dest: iframe | Sec-Fetch-Site: none", true)]
    [InlineData("Sec-Fetch-Dest: iframe", true)]
    [InlineData("Sec-Fetch-Dest: frame | Sec-Fetch-Site: cross-site", true)]
    [InlineData("Sec-Fetch-Dest: embed | Sec-Fetch-Site: cross-site", true)]
    [InlineData("Sec-Fetch-Dest: object | Sec-Fetch-Site: cross-site", true)]
    [InlineData("Sec-Fetch-Dest: fencedframe | Sec-Fetch-Site: cross-site", true)]
    [InlineData("Cookie: a=1 | Sec-Fetch-Dest: iframe | Sec-Fetch-Site: cross-site", true)]
    [InlineData("Cookie: a=1; connectors_session=of-one-that-has-ended", true)]
    [InlineData("Cookie: connectors_session_1=of-another-gateway", true)]
    [InlineData("Cookie: Connectors_Session=", true)]
    [InlineData("Sec-Fetch-Dest: iframe | Sec-Fetch-Site: same-origin", false)]
    [InlineData("Sec-Fetch-Dest: document | Sec-Fetch-Site: cross-site", false)]
    [InlineData("Cookie: a=1 | Sec-Fetch-Dest: document | Sec-Fetch-Site: cross-site", false)]
    [InlineData("Sec-Fetch-Dest: image | Sec-Fetch-Site: cross-site", false)]
    [InlineData("Cookie: a=connectors_session", false)]
    [InlineData("X-None: 1", false)]
    public async Task A_functions_answer_to_a_frame_or_a_browser_that_was_logged_in_has_no_origin(string request, bool isClosed)
    {
        var headers = request.Split(" | ").Select(line => line.Split(": ", 2)).Select(line => (line[0], line[1])).ToArray();

        using var answer = await Site.SendAsync(HttpMethod.Get, "/function/work/asked", null, [.. headers, ("X-Answer", "ETag: \"1\"")]);

        Assert.Equal(isClosed ? "sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads" : "", Policy(answer));
        Assert.Equal("Cookie,Origin,Sec-Fetch-Dest,Sec-Fetch-Site", string.Join(',', answer.Headers.Vary));
    }

    [Theory]
    [InlineData("/healthz", "sandbox")]
    [InlineData("/openapi.json", "sandbox")]
    [InlineData("/system/queues", "sandbox")]
    [InlineData("/system/nowhere", "sandbox")]
    [InlineData("/nowhere", "sandbox")]
    [InlineData("/ui/session", "sandbox")]
    [InlineData("/ui/nowhere.js", "sandbox")]
    [InlineData("/ui/", "default-src 'none'")]
    [InlineData("/ui/app.js", "default-src 'none'")]
    [InlineData("/function/work/plain", "")]
    public async Task What_the_gateway_says_itself_has_no_origin_but_for_the_page(string path, string policy)
    {
        using var answer = await Site.SendAsync(HttpMethod.Get, path, null, ("Accept", "text/html"));

        Assert.Equal(policy, Policy(answer).Split(';')[0]);
    }

    [Fact]
    public async Task A_function_gets_no_session_by_another_spelling_of_its_name()
    {
        var cookie = await Site.CookieAsync(PageSystem.Operator);

        using var answer = await Site.SendAsync(HttpMethod.Get, "/function/work/spelled", null, ("Cookie", $"a=1; {cookie.Replace("connectors_session_", "Connectors_Session_", StringComparison.Ordinal)}; b=2"));

        Assert.Equal("a=1; b=2", Site.Function.Requests.Single(request => request.Path.EndsWith("/spelled", StringComparison.Ordinal)).Header("Cookie"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("guest:another password\n")]
    public async Task A_viewer_who_was_struck_off_or_has_another_password_is_told_nothing_more(string viewers)
    {
        var secrets = Directory.CreateTempSubdirectory("secrets-").FullName;
        await File.WriteAllTextAsync(Path.Combine(secrets, "basic-auth-user"), PageSystem.Operator);
        await File.WriteAllTextAsync(Path.Combine(secrets, "basic-auth-password"), PageSystem.Password);
        var file = Path.Combine(secrets, "ui_viewers");
        await File.WriteAllTextAsync(file, $"{PageSystem.Viewer}:{PageSystem.Password}\n");

        // On a NATS of its own: beside the first gateway it would take over redrives of other tests, and end with them.
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await Site.StartGatewayAsync(("secret_mount_path", secrets), ("faas_nats_port", nats.Port.ToString(CultureInfo.InvariantCulture)));
        using var login = await Site.SendAsync(
            HttpMethod.Post, new Uri(gateway.Api, "/ui/session").AbsoluteUri, new { user = PageSystem.Viewer, password = PageSystem.Password }, ("X-Connectors-Page", "1"));
        using var http = new HttpClient(new SocketsHttpHandler { UseCookies = false });
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(gateway.Api, "/system/overview/events"));
        request.Headers.Add("Cookie", login.Headers.GetValues("Set-Cookie").Single().Split(';')[0]);
        using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using var events = new StreamReader(await answer.Content.ReadAsStreamAsync());
        Assert.StartsWith("data: ", await events.ReadLineAsync(), StringComparison.Ordinal);

        await File.WriteAllTextAsync(file, viewers);

        await events.ReadToEndAsync().WaitAsync(Eventually.Patience, TimeProvider.System);
        Directory.Delete(secrets, recursive: true);
    }

    private static string Policy(HttpResponseMessage answer) => answer.Headers.TryGetValues("Content-Security-Policy", out var values) ? string.Join(" + ", values) : "";
}
