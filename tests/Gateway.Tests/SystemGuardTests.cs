using System.Net;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.Gateway.Tests;

/// <summary>What web pages and others may not do to the deploy API.</summary>
public sealed class SystemGuardTests(ProviderFixture fixture) : IClassFixture<ProviderFixture>
{
    private const string Body = """{"service":"planted","envProcess":"cat"}""";

    [Theory]
    [InlineData("Content-Type: application/json\nOrigin: https://evil.test\n", "403")]
    [InlineData("Content-Type: application/json\nOrigin: null\n", "403")]
    [InlineData("Content-Type: application/json\nSec-Fetch-Site: cross-site\n", "403")]
    [InlineData("Content-Type: application/json\nSec-Fetch-Site: same-site\n", "403")]
    [InlineData("User-Agent: faas-cli/0.17\nOrigin: https://evil.test\n", "403")]
    [InlineData("Content-Type: text/plain\n", "415")]
    [InlineData("Content-Type: application/x-www-form-urlencoded\n", "415")]
    [InlineData("Content-Type: multipart/form-data; boundary=x\n", "415")]
    [InlineData("", "415")]
    public async Task A_deploy_that_a_page_could_send_is_refused(string headers, string status)
    {
        foreach (var which in new[] { "embedded", "remote" })
        {
            var answer = await AskAsync(which, "POST", $"Authorization: {TestGateway.Admin}\n{headers}");

            Assert.StartsWith($"HTTP/1.1 {status}", answer, StringComparison.Ordinal);
        }

        Assert.DoesNotContain("planted", await fixture.Embedded.SystemAsync(HttpMethod.Get, "functions"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Accept: */*\n", true)]
    [InlineData("User-Agent: faas-cli/0.17\n", true)]
    [InlineData("Sec-Fetch-Site: none\n", false)]
    [InlineData("Sec-Fetch-Site: same-origin\n", false)]
    [InlineData("Accept: text/html,application/xhtml+xml\n", false)]
    public async Task A_browser_is_not_asked_for_credentials_that_it_would_send_for_functions_documents_too(string headers, bool isAsked)
    {
        var answer = await RawHttp.AskAsync(fixture.Embedded.Api, $"GET /system/functions HTTP/1.1\nHost: x\n{headers}");

        Assert.StartsWith("HTTP/1.1 401", answer, StringComparison.Ordinal);
        Assert.Equal(isAsked, answer.Contains("WWW-Authenticate: Basic", StringComparison.Ordinal));
    }

    /// <summary>What a browser says of a request's page, what Origin and Host say, and whether the request passes. The last host is what a proxy writes that sets its own.</summary>
    public static TheoryData<string, string, string, bool> Pages()
    {
        var data = new TheoryData<string, string, string, bool>();
        foreach (var site in new[] { "", "same-origin", "none", "same-site", "cross-site", "same-origin, cross-site", "odd" })
        {
            foreach (var origin in new[] { "", "http://gw.test:8080", "https://GW.test:8080", "http://gw.test", "https://evil.test", "null", "odd" })
            {
                foreach (var host in new[] { "gw.test:8080", "upstream:8080" })
                {
                    var isOwn = origin.Length == 0 || (host == "gw.test:8080" && origin.EndsWith("gw.test:8080", StringComparison.OrdinalIgnoreCase));
                    data.Add(site, origin, host, site.Length == 0 ? isOwn : site is "same-origin" or "none");
                }
            }
        }

        return data;
    }

    [Theory, MemberData(nameof(Pages))]
    public async Task A_page_of_the_gateways_own_may_ask_and_another_may_not(string site, string origin, string host, bool passes)
    {
        // What a proxy says of the host, anybody can say.
        var headers = $"Host: {host}\nX-Forwarded-Host: evil.test\nAuthorization: {TestGateway.Admin}\n"
            + (origin.Length > 0 ? $"Origin: {origin}\n" : "") + (site.Length > 0 ? $"Sec-Fetch-Site: {site}\n" : "");

        var answer = await RawHttp.AskAsync(fixture.Embedded.Api, $"GET /system/functions HTTP/1.1\n{headers}");

        Assert.StartsWith(passes ? "HTTP/1.1 200" : "HTTP/1.1 403", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_page_whose_origin_is_longer_than_any_is_none_of_the_gateways()
    {
        var answer = await RawHttp.AskAsync(
            fixture.Embedded.Api, $"GET /system/functions HTTP/1.1\nHost: gw.test\nAuthorization: {TestGateway.Admin}\nOrigin: http://gw.test/{new string('a', 100_000)}\n");

        Assert.StartsWith("HTTP/1.1 403", answer, StringComparison.Ordinal);
    }

    /// <summary>What <c>basic_auth</c> is, what a caller sends for credentials, and what the provider gets.</summary>
    public static TheoryData<string, string?, string?> PassedOn => new()
    {
        { "", TestGateway.Admin, TestGateway.Admin },
        { "false", "Bearer own", "Bearer own" },
        { "false", null, null },
    };

    [Theory, MemberData(nameof(PassedOn))]
    public async Task Only_who_has_the_gateways_credentials_acts_with_them_on_a_provider(string basicAuth, string? given, string? passedOn)
    {
        await using var provider = await HttpLedger.StartAsync((_, http) => http.Response.WriteAsync("[]"));
        await using var gateway = await TestGateway.StartUnreadyAsync(("functions_provider_url", provider.Url.AbsoluteUri), ("basic_auth", basicAuth));
        (string, string)[] credentials = given is null ? [] : [("Authorization", given)];

        using var answer = await gateway.PostAsync("/system/functions", Body, [("Content-Type", "application/json"), .. credentials]);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(passedOn, provider.Requests.Single(request => request.Method == "POST").Header("Authorization"));
        await provider.ReceivesAsync(1, request => request.Path == "/system/namespaces" && request.Header("Authorization") == TestGateway.Admin);
        Assert.Equal(basicAuth == "false" ? 1 : 0, gateway.Process.Log.Count(line => line.Contains("/system/ is open to whoever reaches the port", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_gateway_with_a_remote_provider_asks_for_credentials_unless_it_is_told_otherwise()
    {
        await using var provider = await HttpLedger.StartAsync((_, http) => http.Response.WriteAsync("[]"));
        await using var gateway = await TestGateway.StartUnreadyAsync(("functions_provider_url", provider.Url.AbsoluteUri));

        using var answer = await gateway.PostAsync("/system/functions", Body, ("Content-Type", "application/json"));

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.DoesNotContain(provider.Requests, request => request.Method == "POST");
    }

    [Fact]
    public async Task The_page_can_be_logged_in_to_behind_a_proxy_that_sets_its_own_host()
    {
        var answer = await RawHttp.AskAsync(
            fixture.Embedded.Api,
            "POST /ui/session HTTP/1.1\nHost: upstream\nOrigin: https://ops.test\nSec-Fetch-Site: same-origin\nX-Connectors-Page: 1\nContent-Type: application/json\n",
            $$"""{"user":"admin","password":"{{TestGateway.Password}}"}""");

        Assert.StartsWith("HTTP/1.1 200", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("Authorization: Basic\n")]
    [InlineData("Authorization: Basic !!!\n")]
    [InlineData("Authorization: Basic YWRtaW46\n")]
    [InlineData("Authorization: Bearer s3cret\n")]
    public async Task Without_the_password_every_system_route_is_401(string headers)
    {
        string[] paths = ["/system/functions", "/system/function/x", "/system/info", "/system/secrets", "/system/logs?name=x", "/system/namespaces", "/system/scale-function/x", "/SYSTEM/functions", "//system/functions", "/system/nothing"];
        foreach (var path in paths)
        {
            var answer = await RawHttp.AskAsync(fixture.Embedded.Api, $"GET {path} HTTP/1.1\nHost: x\n{headers}");

            Assert.Matches("^HTTP/1.1 (401|404)", answer);
            Assert.DoesNotContain("[", answer, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_caller_cannot_write_lines_of_its_own_into_the_log()
    {
        await RawHttp.AskAsync(fixture.Embedded.Api, "POST /function/none%0Aforged HTTP/1.1\nHost: x\nX-Call-Id: a\u0085forged\n", "x");
        await RawHttp.AskAsync(fixture.Embedded.Api, "POST /function/none HTTP/1.1\nHost: x\nX-Call-Id: \",\"forged\":\"\n", "x");

        await Eventually.HoldsAsync(() => fixture.Embedded.Process.Process.Lines.Any(line => line.Contains("none.openfaas-fn", StringComparison.Ordinal)), "the call is logged");
        Assert.All(fixture.Embedded.Process.Process.Lines, line => Assert.Matches("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[^ ]+Z (debug|info|warn|error) ", line));
    }

    // What an operator's blank file is, or one whose writer was killed.
    [Theory]
    [InlineData("basic-auth-password", "")]
    [InlineData("basic-auth-password", " \n")]
    [InlineData("basic-auth-user", "")]
    public async Task An_empty_file_of_credentials_is_taken_for_a_missing_one_and_locks_nobody_out(string name, string content)
    {
        var secrets = Directory.CreateTempSubdirectory("secrets-").FullName;
        try
        {
            await File.WriteAllTextAsync(Path.Combine(secrets, name), content);
            await using var gateway = await TestGateway.StartAsync(null, ("secret_mount_path", secrets));
            var password = await File.ReadAllTextAsync(Path.Combine(secrets, "basic-auth-password"));
            var login = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"admin:{password}"));

            var answer = await RawHttp.AskAsync(gateway.Api, $"GET /system/functions HTTP/1.1\nHost: x\nAuthorization: Basic {login}\n");

            Assert.StartsWith("HTTP/1.1 200", answer, StringComparison.Ordinal);
            Assert.Equal(["basic-auth-password", "basic-auth-user"], Directory.EnumerateFiles(secrets).Select(Path.GetFileName).Order());
        }
        finally
        {
            Directory.Delete(secrets, recursive: true);
        }
    }

    private Task<string> AskAsync(string which, string verb, string headers) =>
        RawHttp.AskAsync(fixture.Through(which).Api, $"{verb} /system/functions HTTP/1.1\nHost: x\n{headers}", Body);
}
