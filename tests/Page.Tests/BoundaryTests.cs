using System.Globalization;
using System.Net;
using Connectors.Testing;
using Microsoft.Playwright;

namespace Connectors.Page.Tests;

/// <summary>What a function, which shares the page's host name, cannot do to the page or to whoever logs in there later.</summary>
public sealed class BoundaryTests(PageSystem site) : WindowTests(site)
{
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

    [Theory]
    [InlineData("Cache-Control: max-age=31536000")]
    [InlineData("Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT")]
    public async Task A_functions_document_that_a_browser_kept_from_before_the_login_is_of_no_origin_after_it(string header)
    {
        var path = $"/function/work/kept?answer={Uri.EscapeDataString($"{header} | Vary: Accept-Language")}";
        var page = await OpenLoggedOutAsync("/ui/");
        var answer = await page.GotoAsync(new Uri(Site.Url, path).AbsoluteUri);
        Assert.Equal("Accept-Language,Cookie", await answer!.HeaderValueAsync("Vary"));
        Assert.Equal(Site.Url.GetLeftPart(UriPartial.Authority), await page.EvaluateAsync<string>("() => self.origin"));

        await page.GotoAsync(new Uri(Site.Url, "/ui/").AbsoluteUri);
        await LogInAsync(page, PageSystem.Operator, PageSystem.Password);
        await page.Locator("h1:not(:text('Log in'))").WaitForAsync();
        await page.GotoAsync(new Uri(Site.Url, path).AbsoluteUri);

        Assert.Equal("null", await page.EvaluateAsync<string>("() => self.origin"));
    }

    [Fact]
    public async Task A_function_gets_no_session_by_another_spelling_of_its_name()
    {
        var cookie = await Site.CookieAsync(PageSystem.Operator);

        using var answer = await Site.SendAsync(HttpMethod.Get, "/function/work/spelled", null, ("Cookie", $"a=1; {cookie.Replace("connectors_session=", "Connectors_Session=", StringComparison.Ordinal)}; b=2"));

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
}
