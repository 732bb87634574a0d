using System.Net;
using System.Net.Http.Json;
using Connectors.Testing;

namespace Connectors.Page.Tests;

/// <summary>Who may do what with a session of the page, by request.</summary>
public sealed class SessionTests(PageSystem system)
{
    private const string Marked = "X-Connectors-Page";

    public static TheoryData<string, string> Changes => new()
    {
        { "DELETE", "/system/queues/faas-request/calls" },
        { "POST", "/system/queues/faas-request/redrives" },
        { "DELETE", "/system/queues/faas-request/redrives/0123456789abcdef0123456789abcdef" },
        { "POST", "/system/queues/faas-request/dead/1/redrive" },
        { "DELETE", "/system/queues/faas-request/dead/1" },
        { "DELETE", "/system/queues/faas-request/dead?all=true" },
        { "POST", "/system/queues/faas-request/dead/1/edit" },
        { "POST", "/system/functions" },
        { "PUT", "/system/functions" },
        { "DELETE", "/system/functions" },
        { "POST", "/system/scale-function/work" },
        { "POST", "/system/secrets" },
        { "DELETE", "/system/secrets" },
        { "POST", "/system/namespace/other" },
        { "POST", "/system/anything" },
        { "POST", "/system/connectors" },
        { "PATCH", "/system/overview" },
        { "POST", "/function/work" },
        { "DELETE", "/function/work" },
        { "POST", "/async-function/work" },
        { "DELETE", "/async-function/some-call" },
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public async Task A_viewer_is_refused_whatever_changes_something(string method, string path)
    {
        // Calls of earlier tests may still come to the same function.
        var viewer = Guid.NewGuid().ToString();

        using var answer = await system.SendAsync(new HttpMethod(method), path, new { }, ("Cookie", await system.CookieAsync(PageSystem.Viewer)), (Marked, "1"), ("X-Viewer", viewer));

        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.DoesNotContain(system.Function.Requests, request => request.Header("X-Viewer") == viewer);
    }

    [Fact]
    public async Task A_viewer_sees_what_an_operator_sees()
    {
        var cookie = await system.CookieAsync(PageSystem.Viewer);
        foreach (var path in new[] { "/system/overview", "/system/overview/history", "/system/overview/acts", "/system/overview/functions", "/system/queues", "/system/functions", "/system/connectors" })
        {
            using var answer = await system.SendAsync(HttpMethod.Get, path, null, ("Cookie", cookie));
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }
    }

    [Theory]
    [InlineData("", "")]
    [InlineData(Marked, "https://evil.test")]
    [InlineData(Marked, "null")]
    public async Task A_session_is_not_enough_where_another_site_could_have_sent_the_request(string header, string origin)
    {
        using var answer = await system.SendAsync(
            HttpMethod.Post, "/system/queues/faas-request/redrives", new { }, ("Cookie", await system.CookieAsync(PageSystem.Operator)), (header.Length > 0 ? header : "X-Other", "1"), ("Origin", origin.Length > 0 ? origin : system.Url.AbsoluteUri.TrimEnd('/')));

        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("YWRtaW4.YWRtaW4")]
    [InlineData("OTk5OTk5OTk5OQphZG1pbg.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    public async Task A_forged_session_is_none(string cookie)
    {
        using var answer = await system.SendAsync(HttpMethod.Get, "/system/overview", null, ("Cookie", $"connectors_session_{system.Url.Port}={cookie}"), (Marked, "1"));

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Empty(answer.Headers.WwwAuthenticate);
    }

    [Fact]
    public async Task A_viewers_session_does_not_become_an_operators_by_another_name()
    {
        var cookie = await system.CookieAsync(PageSystem.Viewer);
        var (text, signature) = (cookie.Split('=', 2)[1].Split('.')[0], cookie.Split('.')[1]);
        var forged = System.Buffers.Text.Base64Url.EncodeToString(
            System.Text.Encoding.UTF8.GetBytes(System.Text.Encoding.UTF8.GetString(System.Buffers.Text.Base64Url.DecodeFromChars(text)).Replace(PageSystem.Viewer, PageSystem.Operator, StringComparison.Ordinal)));

        using var answer = await system.SendAsync(HttpMethod.Get, "/system/overview", null, ("Cookie", $"connectors_session_{system.Url.Port}={forged}.{signature}"));

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    [Fact]
    public async Task A_session_cookie_is_kept_from_scripts_and_from_other_sites()
    {
        using var answer = await system.SendAsync(HttpMethod.Post, "/ui/session", new { user = "other", password = "with:colons" }, (Marked, "1"));

        Assert.Matches($"^connectors_session_{system.Url.Port}=[^;]+; expires=[^;]+; path=/; samesite=lax; httponly$", answer.Headers.GetValues("Set-Cookie").Single());
    }

    [Theory]
    [InlineData("https")]
    [InlineData("https,http")]
    public async Task Where_the_page_came_over_https_the_cookie_goes_over_nothing_else(string forwarded)
    {
        using var answer = await system.SendAsync(HttpMethod.Post, "/ui/session", new { user = "other", password = "with:colons" }, (Marked, "1"), ("X-Forwarded-Proto", forwarded));

        Assert.Matches($"^connectors_session_{system.Url.Port}=[^;]+; expires=[^;]+; path=/; secure; samesite=lax; httponly$", answer.Headers.GetValues("Set-Cookie").Single());
    }

    [Fact]
    public async Task Two_gateways_on_one_host_log_nobody_out_of_each_other()
    {
        // Without NATS, as below.
        await using var gateway = await system.StartGatewayAsync(("faas_nats_address", ""));
        var jar = new CookieContainer();
        using var browser = new HttpClient(new SocketsHttpHandler { CookieContainer = jar });
        browser.DefaultRequestHeaders.Add(Marked, "1");
        Uri[] sessions = [new(system.Url, "/ui/session"), new(gateway.Api, "/ui/session")];

        foreach (var session in sessions)
        {
            using var begun = await browser.PostAsJsonAsync(session, new { user = PageSystem.Operator, password = PageSystem.Password });
            Assert.Equal(HttpStatusCode.OK, begun.StatusCode);
        }

        Assert.All(await Task.WhenAll(sessions.Select(StatusAsync)), status => Assert.Equal(HttpStatusCode.OK, status));
        using var ended = await browser.DeleteAsync(sessions[1]);
        Assert.Equal([HttpStatusCode.OK, HttpStatusCode.Unauthorized], await Task.WhenAll(sessions.Select(StatusAsync)));

        async Task<HttpStatusCode> StatusAsync(Uri session)
        {
            using var answer = await browser.GetAsync(session);
            return answer.StatusCode;
        }
    }

    [Theory]
    [InlineData("page.example", "connectors_session")]
    [InlineData("page.example:8443", "connectors_session_8443")]
    public async Task The_cookies_name_ends_in_the_port_of_the_address_if_it_has_one(string host, string name)
    {
        using var answer = await system.SendAsync(HttpMethod.Post, "/ui/session", new { user = "other", password = "with:colons" }, (Marked, "1"), ("Host", host));

        Assert.StartsWith($"{name}=", answer.Headers.GetValues("Set-Cookie").Single(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_function_never_gets_the_session_and_its_documents_have_no_origin()
    {
        var cookie = await system.CookieAsync(PageSystem.Operator);

        using var answer = await system.SendAsync(HttpMethod.Get, "/function/work/boundary", null, ("Cookie", $"a=1; {cookie}; b=2"));

        Assert.Equal("a=1; b=2", system.Function.Requests.Single(request => request.Path.EndsWith("/boundary", StringComparison.Ordinal)).Header("Cookie"));
        Assert.StartsWith("sandbox ", answer.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.DoesNotContain("allow-same-origin", answer.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Functions_answer_everybody_else_as_they_always_did()
    {
        using var answer = await system.SendAsync(HttpMethod.Get, "/function/work/open", null, ("Cookie", "a=1"));

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.False(answer.Headers.Contains("Content-Security-Policy"));
        Assert.Equal("a=1", system.Function.Requests.Single(request => request.Path.EndsWith("/open", StringComparison.Ordinal)).Header("Cookie"));
    }

    [Fact]
    public async Task Every_change_is_a_line_in_the_log_with_who_and_how_many()
    {
        using var answer = await system.SendAsync(
            HttpMethod.Delete, "/system/queues/faas-request/calls?function=nobody", null, ("Cookie", await system.CookieAsync(PageSystem.Operator)), (Marked, "1"));

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        await Eventually.HoldsAsync(
            () => system.Gateway.Process.Lines.Any(line => line.Contains("Act", StringComparison.Ordinal) && line.Contains("function=nobody", StringComparison.Ordinal) && line.Contains(PageSystem.Operator, StringComparison.Ordinal)),
            () => $"the act is logged:\n{system.Gateway.Process.Tail()}");
        await Eventually.HoldsAsync(
            async () => (await system.ApiAsync(HttpMethod.Get, "/system/overview/acts"))!.AsArray().Any(act => (string)act!["query"]! == "?function=nobody" && (string)act["who"]! == PageSystem.Operator && (int)act["count"]! == 0), "the act is told");
    }

    [Fact]
    public async Task A_browser_at_the_root_is_led_to_the_page_and_others_are_not()
    {
        using var browser = await system.SendAsync(HttpMethod.Get, "/", null, ("Accept", "text/html,*/*"));
        using var tool = await system.SendAsync(HttpMethod.Get, "/", null, ("Accept", "*/*"));

        Assert.Equal((HttpStatusCode.Found, "/ui/"), (browser.StatusCode, browser.Headers.Location?.OriginalString));
        Assert.Equal((HttpStatusCode.OK, "OK"), (tool.StatusCode, await tool.Content.ReadAsStringAsync()));
    }

    [Fact]
    public async Task With_ui_off_there_is_no_page()
    {
        // Without NATS: beside the first gateway it would take over redrives of other tests, and end with them.
        await using var gateway = await system.StartGatewayAsync(("ui", "false"), ("faas_nats_address", ""));
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false });

        Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync(new Uri(gateway.Api, "/ui/"))).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync(new Uri(gateway.Api, "/ui/session"))).StatusCode);
    }
}
