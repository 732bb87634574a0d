using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Connectors.Testing;

namespace Connectors.Gateway.Tests;

/// <summary>Every request that faas-cli sends, written out as it sends it, to the embedded provider and through a gateway to a remote one.</summary>
public sealed class FaasCliTests(ProviderFixture fixture) : IClassFixture<ProviderFixture>
{
    [Theory]
    [InlineData("embedded")]
    [InlineData("remote")]
    public async Task Login(string which)
    {
        Assert.StartsWith("HTTP/1.1 200", await AskAsync(which, "GET", "/system/functions"), StringComparison.Ordinal);

        var refused = await RawHttp.AskAsync(fixture.Through(which).Api, "GET /system/functions HTTP/1.1\nHost: x\nAuthorization: Basic YWRtaW46d3Jvbmc=\n");
        Assert.StartsWith("HTTP/1.1 401", refused, StringComparison.Ordinal);
        Assert.Contains("WWW-Authenticate: Basic realm=\"Restricted\"", refused, StringComparison.Ordinal);
        Assert.EndsWith("invalid credentials", refused, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("embedded")]
    [InlineData("remote")]
    public async Task Deploy_list_describe_invoke_remove(string which)
    {
        var name = $"life-{which}";
        var deployment = $$"""{"service":"{{name}}","image":"ghcr.io/openfaas/alpine:latest","namespace":"openfaas-fn","envProcess":"cat","envVars":{"a":"b"},"labels":{"l":"1"},"annotations":{"topic":"t"},"readOnlyRootFilesystem":false}""";

        // PUT first; on 404 the same as POST.
        Assert.StartsWith("HTTP/1.1 404", await AskAsync(which, "PUT", "/system/functions", deployment), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 202", await AskAsync(which, "POST", "/system/functions", deployment), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 202", await AskAsync(which, "PUT", "/system/functions", deployment), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 409", await AskAsync(which, "POST", "/system/functions", deployment), StringComparison.Ordinal);

        Assert.StartsWith("HTTP/1.1 200", await AskAsync(which, "POST", $"/function/{name}", "hi", "Content-Type: text/plain\n"), StringComparison.Ordinal);
        Assert.EndsWith("hi", await AskAsync(which, "POST", $"/function/{name}.openfaas-fn", "hi", "Content-Type: text/plain\n"), StringComparison.Ordinal);

        var listed = Json(await AskAsync(which, "GET", "/system/functions?namespace=openfaas-fn"))!.AsArray().Single(f => (string)f!["name"]! == name)!;
        Assert.Equal("ghcr.io/openfaas/alpine:latest", (string)listed["image"]!);
        Assert.Equal("t", (string)listed["annotations"]!["topic"]!);
        Assert.Equal(1, (int)listed["replicas"]!);
        Assert.True(DateTimeOffset.TryParse((string)listed["createdAt"]!, out _));
        Assert.True((double)listed["invocationCount"]! >= 2);

        var described = Json(await AskAsync(which, "GET", $"/system/function/{name}?namespace=openfaas-fn&usage=1"))!;
        Assert.Equal(name, (string)described["name"]!);
        Assert.Equal("openfaas-fn", (string)described["namespace"]!);
        Assert.Equal("b", (string)described["envVars"]!["a"]!);
        Assert.Equal(1, (int)described["availableReplicas"]!);

        var body = $$"""{"functionName":"{{name}}","namespace":"openfaas-fn"}""";
        Assert.StartsWith("HTTP/1.1 202", await AskAsync(which, "DELETE", "/system/functions", body), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 404", await AskAsync(which, "DELETE", "/system/functions", body), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 404", await AskAsync(which, "GET", $"/system/function/{name}?namespace=openfaas-fn&usage=1"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 404", await AskAsync(which, "POST", $"/function/{name}", "hi"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("embedded")]
    [InlineData("remote")]
    public async Task Scale(string which)
    {
        var name = $"scaled-{which}";
        await fixture.Embedded.DeployAsync(name, "cat");

        Assert.StartsWith("HTTP/1.1 202", await AskAsync(which, "POST", $"/system/scale-function/{name}", $$"""{"serviceName":"{{name}}","replicas":3,"namespace":"openfaas-fn"}"""), StringComparison.Ordinal);
        Assert.Equal(3, (int)(await fixture.Embedded.SystemJsonAsync($"function/{name}"))["replicas"]!);
        Assert.StartsWith("HTTP/1.1 202", await AskAsync(which, "POST", $"/system/scale-function/{name}", $$"""{"serviceName":"{{name}}","replicas":0}"""), StringComparison.Ordinal);
        Assert.Null((await fixture.Embedded.SystemJsonAsync($"function/{name}"))["replicas"]);
        Assert.EndsWith("hi", await AskAsync(which, "POST", $"/function/{name}", "hi"), StringComparison.Ordinal);
        Assert.Equal(1, (int)(await fixture.Embedded.SystemJsonAsync($"function/{name}"))["replicas"]!);
        Assert.StartsWith("HTTP/1.1 404", await AskAsync(which, "POST", "/system/scale-function/nobody", """{"serviceName":"nobody","replicas":1}"""), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 400", await AskAsync(which, "POST", $"/system/scale-function/{name}", "{"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("embedded")]
    [InlineData("remote")]
    public async Task Secrets(string which)
    {
        var secret = $$"""{"name":"key-{{which}}","namespace":"openfaas-fn","value":"one"}""";

        Assert.StartsWith("HTTP/1.1 202", await AskAsync(which, "POST", "/system/secrets", secret), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 409", await AskAsync(which, "POST", "/system/secrets", secret), StringComparison.Ordinal);
        var listed = await AskAsync(which, "GET", "/system/secrets?namespace=openfaas-fn");
        Assert.Contains($"key-{which}", listed, StringComparison.Ordinal);
        Assert.DoesNotContain("one", listed, StringComparison.Ordinal);
        await fixture.Embedded.SystemAsync(
            HttpMethod.Post, "functions", new { service = $"reads-{which}", envProcess = $"sh -c 'cat $secret_mount_path/key-{which}; ls $secret_mount_path'", secrets = new[] { $"key-{which}" } }, HttpStatusCode.Accepted);
        await fixture.Embedded.SystemAsync(
            HttpMethod.Post, "functions", new { service = $"read-{which}", envProcess = HttpFunction.Command, envVars = new { mode = "http" }, secrets = new[] { $"key-{which}" } }, HttpStatusCode.Accepted);
        Assert.EndsWith($"onekey-{which}\n", await AskAsync(which, "GET", $"/function/reads-{which}"), StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\none", await AskAsync(which, "GET", $"/function/read-{which}/secrets"), StringComparison.Ordinal);

        Assert.StartsWith("HTTP/1.1 202", await AskAsync(which, "PUT", "/system/secrets", $$"""{"name":"key-{{which}}","rawValue":"dHdv"}"""), StringComparison.Ordinal);
        Assert.EndsWith($"twokey-{which}\n", await AskAsync(which, "GET", $"/function/reads-{which}"), StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\ntwo", await AskAsync(which, "GET", $"/function/read-{which}/secrets"), StringComparison.Ordinal);

        Assert.StartsWith("HTTP/1.1 202", await AskAsync(which, "DELETE", "/system/secrets", secret), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 404", await AskAsync(which, "DELETE", "/system/secrets", secret), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 404", await AskAsync(which, "PUT", "/system/secrets", secret), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 400", await AskAsync(which, "POST", "/system/functions", $$"""{"service":"no-secret","envProcess":"cat","secrets":["key-{{which}}"]}"""), StringComparison.Ordinal);

        // Functions that list it were deployed before it went.
        Assert.StartsWith("HTTP/1.1 202", await AskAsync(which, "POST", "/system/secrets", $$"""{"name":"key-{{which}}","namespace":"openfaas-fn","value":"three"}"""), StringComparison.Ordinal);
        Assert.EndsWith($"threekey-{which}\n", await AskAsync(which, "GET", $"/function/reads-{which}"), StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\nthree", await AskAsync(which, "GET", $"/function/read-{which}/secrets"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("embedded")]
    [InlineData("remote")]
    public async Task Namespaces(string which)
    {
        var ns = $"team-{which}";
        var body = $$"""{"name":"{{ns}}","annotations":{"openfaas":"1"} }""";

        Assert.StartsWith("HTTP/1.1 201", await AskAsync(which, "POST", "/system/namespace/", body), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 409", await AskAsync(which, "POST", "/system/namespace/", body), StringComparison.Ordinal);
        Assert.Contains(ns, Json(await AskAsync(which, "GET", "/system/namespaces"))!.AsArray().Select(n => (string)n!));
        Assert.Contains("openfaas-fn", Json(await AskAsync(which, "GET", "/system/namespaces"))!.AsArray().Select(n => (string)n!));
        Assert.Equal("1", (string)Json(await AskAsync(which, "GET", $"/system/namespace/{ns}"))!["annotations"]!["openfaas"]!);
        Assert.StartsWith("HTTP/1.1 202", await AskAsync(which, "PUT", $"/system/namespace/{ns}", $$"""{"name":"{{ns}}","annotations":{"openfaas":"2"} }"""), StringComparison.Ordinal);

        Assert.StartsWith("HTTP/1.1 202", await AskAsync(which, "POST", "/system/functions", $$"""{"service":"there","namespace":"{{ns}}","envProcess":"cat"}"""), StringComparison.Ordinal);
        Assert.EndsWith("hi", await AskAsync(which, "POST", $"/function/there.{ns}", "hi"), StringComparison.Ordinal);
        Assert.Single(Json(await AskAsync(which, "GET", $"/system/functions?namespace={ns}"))!.AsArray());
        Assert.StartsWith("HTTP/1.1 409", await AskAsync(which, "DELETE", $"/system/namespace/{ns}"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 202", await AskAsync(which, "DELETE", $"/system/functions?namespace={ns}", """{"functionName":"there"}"""), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 202", await AskAsync(which, "DELETE", $"/system/namespace/{ns}"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 404", await AskAsync(which, "GET", $"/system/namespace/{ns}"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("embedded")]
    [InlineData("remote")]
    public async Task Version_and_ready(string which)
    {
        var info = Json(await AskAsync(which, "GET", "/system/info"))!;

        Assert.NotNull(info["provider"]!["version"]!["release"]);
        Assert.NotNull(info["provider"]!["orchestration"]);
        Assert.NotNull(info["version"]!["release"]);
        Assert.StartsWith("HTTP/1.1 200", await AskAsync(which, "GET", "/healthz"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("embedded")]
    [InlineData("remote")]
    public async Task Logs_are_kept_tailed_and_followed(string which)
    {
        var name = $"talks-{which}";
        await fixture.Embedded.DeployAsync(name, "sh -c 'cat >&2'", environment: new { combine_output = "false" });
        await AskAsync(which, "POST", $"/function/{name}", "first\nsecond\n");

        var all = await AskAsync(which, "GET", $"/system/logs?name={name}&namespace=openfaas-fn&tail=-1");
        Assert.Contains("\"text\":\"first\"", all, StringComparison.Ordinal);
        var line = JsonNode.Parse(all.Split('\n').First(l => l.Contains("\"second\"", StringComparison.Ordinal)))!;
        Assert.Equal(name, (string)line["name"]!);
        Assert.Equal("openfaas-fn", (string)line["namespace"]!);
        Assert.True(int.TryParse((string)line["instance"]!, out _));
        Assert.True(DateTimeOffset.TryParse((string)line["timestamp"]!, out _));

        Assert.DoesNotContain("\"first\"", await AskAsync(which, "GET", $"/system/logs?name={name}&tail=1"), StringComparison.Ordinal);
        Assert.DoesNotContain("\"text\"", await AskAsync(which, "GET", $"/system/logs?name={name}&since=2999-01-01T00:00:00Z"), StringComparison.Ordinal);

        using var follower = await RawHttp.ConnectAsync(fixture.Through(which).Api);
        await follower.SendAsync($"GET /system/logs?name={name}&follow=true&tail=1 HTTP/1.1\r\nHost: x\r\nAuthorization: {TestGateway.Admin}\r\n\r\n");
        await follower.ReadUntilAsync("\r\n\r\n");
        await AskAsync(which, "POST", $"/function/{name}", "third\n");
        await follower.ReadUntilAsync("\"text\":\"third\"");
    }

    [Theory]
    [InlineData("embedded", "422")]
    [InlineData("remote", "500")]
    public async Task A_log_request_that_makes_no_sense_is_refused(string which, string status) =>
        Assert.StartsWith($"HTTP/1.1 {status}", await AskAsync(which, "GET", "/system/logs?tail=x"), StringComparison.Ordinal);

    [Theory]
    [InlineData("embedded")]
    [InlineData("remote")]
    public async Task An_async_invocation_is_submitted(string which)
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = which == "embedded"
            ? await TestGateway.StartAsync(nats)
            : await TestGateway.StartAsync(nats, ("functions_provider_url", fixture.Embedded.Api.AbsoluteUri), ("basic_auth", "true"));
        await gateway.DeployAsync($"later-{which}", "cat");

        // A provider that is slow to say that it has none may be taken to be away.
        await Eventually.HoldsAsync(
            async () => (await RawHttp.AskAsync(gateway.Api, "POST /async-function/nobody HTTP/1.1\nHost: x\nUser-Agent: faas-cli/0.17.0 (openfaas; linux; amd64)\n", "hi"))
                .StartsWith("HTTP/1.1 404", StringComparison.Ordinal),
            "a missing function is told");
        var answer = await RawHttp.AskAsync(
            gateway.Api, $"POST /async-function/later-{which}.openfaas-fn HTTP/1.1\nHost: x\nUser-Agent: faas-cli/0.17.0 (openfaas; linux; amd64)\nContent-Type: text/plain\nX-Callback-Url: http://h/\n", "hi");

        Assert.StartsWith("HTTP/1.1 202", answer, StringComparison.Ordinal);
        Assert.Contains("X-Call-Id: ", answer, StringComparison.Ordinal);
    }

    private Task<string> AskAsync(string which, string verb, string path, string body = "", string headers = "") => RawHttp.AskAsync(
        fixture.Through(which).Api,
        $"{verb} {path} HTTP/1.1\nHost: x\nUser-Agent: faas-cli/0.17.0 (openfaas; linux; amd64)\n"
        + (path.StartsWith("/system/", StringComparison.Ordinal) ? $"Authorization: {TestGateway.Admin}\n" : "") + headers,
        body);

    private static JsonNode? Json(string answer)
    {
        var body = answer.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4;
        var text = answer[..body].Contains("Transfer-Encoding: chunked", StringComparison.OrdinalIgnoreCase) ? Joined(answer[body..]) : answer[body..];
        return JsonNode.Parse(text[text.IndexOfAny(['[', '{'])..(text.LastIndexOfAny([']', '}']) + 1)]);
    }

    // A body that came in chunks.
    private static string Joined(string chunks)
    {
        var text = new StringBuilder();
        var at = 0;
        while (true)
        {
            var start = chunks.IndexOf("\r\n", at, StringComparison.Ordinal) + 2;
            var size = int.Parse(chunks[at..(start - 2)], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            if (size == 0)
            {
                return text.ToString();
            }

            text.Append(chunks, start, size);
            at = start + size + 2;
        }
    }
}
