using System.Net;
using System.Text;

namespace Connectors.Gateway.Tests.Embedded;

/// <summary>What reaches a function's process, however far functions are kept apart here.</summary>
public sealed class ProcessEnvironmentTests(ProviderFixture fixture) : IClassFixture<ProviderFixture>
{
    // The whole environment as bytes, each a char.
    private const string Environ = "cat /proc/self/environ";

    private readonly TestGateway _gateway = fixture.Embedded;

    [Fact]
    public async Task Variables_of_any_name_arrive()
    {
        await DeployAsync("names", Environ, new() { ["my.setting"] = "1", ["my-setting"] = "2", ["ok_setting"] = "3", ["-u"] = "4", ["9"] = "a\nb\n", ["ä"] = "ö $HOME `id` \"'\\" });

        var variables = await CallAsync("names");

        Assert.Equal("1", variables["my.setting"]);
        Assert.Equal("2", variables["my-setting"]);
        Assert.Equal("3", variables["ok_setting"]);
        Assert.Equal("4", variables["-u"]);
        Assert.Equal("a\nb\n", variables["9"]);
        Assert.Equal("ö $HOME `id` \"'\\", Text(variables[Raw("ä")]));
        Assert.DoesNotContain(variables.Keys, name => name.StartsWith("CONNECTORS_LATE", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Without_isolation_they_arrive_as_well()
    {
        await using var gateway = await TestGateway.StartAsync(null, ("function_isolation", "none"));
        await gateway.DeployAsync("names", Environ, environment: new Dictionary<string, string> { ["my.setting"] = "1" });

        using var answer = await gateway.PostAsync("/function/names", "", ("X-A.B", "2"));
        var variables = Parse(await answer.Content.ReadAsByteArrayAsync());

        Assert.Equal("1", variables["my.setting"]);
        Assert.Equal("2", variables["Http_X_A.b"]);
    }

    [Fact]
    public async Task Headers_arrive_byte_for_byte()
    {
        await DeployAsync("bytes", Environ);
        using var raw = await RawHttp.ConnectAsync(_gateway.Api);

        await raw.SendAsync($"GET /function/bytes HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Utf8: {Raw("Müller 🦉")}\r\nX-Latin: M\u00fcller \\0101 $HOME\r\nX-Odd.Name: \u00ff\r\n\r\n");
        var answer = await raw.ReadToEndAsync();
        var variables = Parse(Encoding.Latin1.GetBytes(answer[(answer.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..]));

        Assert.Equal("Müller 🦉", Text(variables["Http_X_Utf8"]));
        Assert.Equal("M\u00fcller \\0101 $HOME", variables["Http_X_Latin"]);
        Assert.Equal("\u00ff", variables["Http_X_Odd.name"]);
    }

    [Fact]
    public async Task One_function_that_cannot_get_a_secrets_new_value_keeps_it_from_no_other()
    {
        await _gateway.SystemAsync(HttpMethod.Post, "secrets", new { name = "shared", value = "old" }, HttpStatusCode.Accepted);
        var names = Enumerable.Range(0, 10).Select(i => $"reads-{i}").ToList();
        foreach (var name in names)
        {
            await _gateway.SystemAsync(
                HttpMethod.Post, "functions", new { service = name, envProcess = "sh -c 'cat $secret_mount_path/shared'", secrets = new[] { "shared" } }, HttpStatusCode.Accepted);
        }

        // Where its copy is to be written lies something else.
        var copy = Path.Combine(_gateway.DataPath, "mounts", "openfaas-fn", names[0], "shared");
        File.Delete(copy);
        Directory.CreateDirectory(Path.Combine(copy, "below"));
        await _gateway.SystemAsync(HttpMethod.Put, "secrets", new { name = "shared", value = "new" }, HttpStatusCode.InternalServerError);

        foreach (var name in names.Skip(1))
        {
            using var answer = await _gateway.PostAsync($"/function/{name}", "");
            Assert.Equal("new", await answer.Content.ReadAsStringAsync());
        }

        Directory.Delete(copy, recursive: true);
        await _gateway.SystemAsync(HttpMethod.Put, "secrets", new { name = "shared", value = "newer" }, HttpStatusCode.Accepted);
        using var last = await _gateway.PostAsync($"/function/{names[0]}", "");
        Assert.Equal("newer", await last.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Who_called_is_told()
    {
        await DeployAsync("forwarded", Environ);

        var variables = await CallAsync("forwarded");

        Assert.Equal(_gateway.Api.Authority, variables["Http_X_Forwarded_Host"]);
        Assert.Matches(@"^127\.0\.0\.1:[0-9]+$", variables["Http_X_Forwarded_For"]);
    }

    [Fact]
    public async Task A_caller_does_not_choose_the_functions_proxy()
    {
        await DeployAsync("outbound", "python3 -c 'import urllib.request as u; print(u.getproxies())'");

        using var answer = await _gateway.PostAsync("/function/outbound", "", ("Proxy", "http://127.0.0.1:9"), ("proxy", "http://127.0.0.1:9"));

        Assert.Equal("{}\n", await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_secret_named_like_another_is_there_after_a_restart()
    {
        await using var gateway = await TestGateway.StartAsync();
        await SecretAsync("token.new", "NEW");
        await SecretAsync("token", "OLD");
        await gateway.SystemAsync(
            HttpMethod.Post,
            "functions",
            new { service = "reads", envProcess = "sh -c 'cat $secret_mount_path/token.new; ls -A $secret_mount_path'", secrets = new[] { "token.new", "token" } },
            HttpStatusCode.Accepted);
        await gateway.Process.KillAsync();
        await gateway.Process.StartAgainAsync();

        using var answer = await gateway.PostAsync("/function/reads", "");

        Assert.Equal("NEWtoken\ntoken.new\n", await answer.Content.ReadAsStringAsync());
        Assert.Equal(["token", "token.new"], (await gateway.SystemJsonAsync("secrets")).AsArray().Select(secret => (string)secret!["name"]!));

        Task<string> SecretAsync(string name, string value) => gateway.SystemAsync(HttpMethod.Post, "secrets", new { name, value }, HttpStatusCode.Accepted);
    }

    private Task DeployAsync(string name, string process, Dictionary<string, string>? environment = null) => _gateway.DeployAsync(name, process, environment: environment);

    private async Task<Dictionary<string, string>> CallAsync(string function)
    {
        using var answer = await _gateway.PostAsync($"/function/{function}", "");
        return Parse(await answer.Content.ReadAsByteArrayAsync());
    }

    private static Dictionary<string, string> Parse(byte[] environ) => Encoding.Latin1.GetString(environ).Split('\0', StringSplitOptions.RemoveEmptyEntries)
        .ToDictionary(entry => entry[..entry.IndexOf('=', StringComparison.Ordinal)], entry => entry[(entry.IndexOf('=', StringComparison.Ordinal) + 1)..]);

    private static string Raw(string text) => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text));

    private static string Text(string raw) => Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(raw));
}
