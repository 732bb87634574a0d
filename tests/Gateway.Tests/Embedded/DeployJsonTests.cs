using System.Text;
using System.Text.Json;
using Connectors.Testing;
using CsCheck;
using Microsoft.AspNetCore.Http;

namespace Connectors.Gateway.Tests.Embedded;

/// <summary>The JSON of the deploy API: read as Go reads it, and refused by the name of a field.</summary>
public sealed class DeployJsonTests(ProviderFixture fixture) : IClassFixture<ProviderFixture>
{
    private static readonly string[] Fields =
    [
        "service", "functionName", "name", "namespace", "image", "envProcess", "envVars", "constraints", "secrets", "labels", "annotations", "limits", "requests",
        "readOnlyRootFilesystem", "replicas", "rawValue", "value", "exec_timeout", "write_timeout", "max_inflight", "mode", "upstream_url", "content_type", "ready_path",
    ];

    private readonly TestGateway _gateway = fixture.Embedded;

    [Theory]
    [InlineData("POST", "functions", """{"image":"x","envProcess":"cat"}""", "service: is required")]
    [InlineData("POST", "functions", """{"service":null,"image":"x","envProcess":"cat"}""", "service: is required")]
    [InlineData("PUT", "functions", """{}""", "service: is required")]
    [InlineData("POST", "functions", """{"service":"n2","envProcess":"cat","secrets":[null]}""", "secrets: ")]
    [InlineData("POST", "functions", """{"service":"n2","envProcess":"cat","secrets":{}}""", "secrets: ")]
    [InlineData("POST", "functions", """{"service":"n2","envProcess":"cat","envVars":{"A":1}}""", "envVars.A: ")]
    [InlineData("POST", "functions", """{"service":"n2","envProcess":"cat","envVars":{"":"x"}}""", "envVars: ")]
    [InlineData("POST", "functions", """{"service":"n2","envProcess":"cat","envVars":{"content_type":"a\r\nb"}}""", "content_type: ")]
    [InlineData("POST", "functions", """{"service":"n2","envProcess":"cat","envVars":{"marshal_request":"true"}}""", "marshal_request: ")]
    [InlineData("POST", "functions", """{"service":"n2","envProcess":"cat","envVars":{"exec_timeout":"2000h"}}""", "exec_timeout: ")]
    [InlineData("POST", "functions", """{"service":"n2","envProcess":"cat","envVars":{"write_timeout":"2000h"}}""", "write_timeout: ")]
    [InlineData("POST", "functions", """{"service":"n2","envVars":{"exec_timeout":"2000h","upstream_url":"http://127.0.0.1:1"}}""", "exec_timeout: ")]
    [InlineData("POST", "functions", """{"service":"n2","envProcess":"cat","annotations":{"com.openfaas.retry.max_age":"99999999h"}}""", "annotations.com.openfaas.retry.max_age: ")]
    [InlineData("POST", "functions", """{"service":"n2","envProcess":"cat","annotations":{"com.openfaas.retry.min_wait":"99999999h"}}""", "annotations.com.openfaas.retry.min_wait: ")]
    [InlineData("POST", "functions", """{"service":"n2","envProcess":"cat","annotations":{"com.openfaas.retry.max_wait":"9999999999999h"}}""", "annotations.com.openfaas.retry.max_wait: ")]
    [InlineData("POST", "functions", """{"service":"n2","envProcess":"cat","annotations":{"com.openfaas.breaker.min_wait":"99999999h"}}""", "annotations.com.openfaas.breaker.min_wait: ")]
    [InlineData("POST", "functions", """{"service":"n2","envProcess":"cat","annotations":{"com.openfaas.retry.min_wait":"10s","com.openfaas.retry.max_wait":"9s"}}""", "annotations.com.openfaas.retry.max_wait: \"9s\" is not valid; allowed: no shorter than com.openfaas.retry.min_wait, which is 10s")]
    [InlineData("PUT", "functions", """{"service":"n2","envProcess":"cat","annotations":{"com.openfaas.breaker.min_wait":"1m","com.openfaas.breaker.max_wait":"59"}}""", "annotations.com.openfaas.breaker.max_wait: \"59\" is not valid; allowed: no shorter than com.openfaas.breaker.min_wait, which is 1m")]
    [InlineData("DELETE", "functions", """{}""", "functionName: is required")]
    [InlineData("DELETE", "functions", """{"functionName":null}""", "functionName: is required")]
    [InlineData("POST", "secrets", """{"value":"x"}""", "name: ")]
    [InlineData("POST", "secrets", """{"name":null,"value":"x"}""", "name: ")]
    [InlineData("POST", "secrets", """{"name":"x","rawValue":"%"}""", "rawValue: ")]
    [InlineData("POST", "namespace/", """{"name":null}""", "name: ")]
    [InlineData("POST", "scale-function/nobody", """{"replicas":-1}""", "replicas: ")]
    public async Task What_is_missing_or_wrong_is_400_by_its_name(string verb, string path, string body, string told)
    {
        var (status, text) = await AskAsync(verb, path, body);

        Assert.Equal(400, status);
        Assert.Contains(told, text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Keys_are_read_in_any_letter_case()
    {
        var (status, _) = await AskAsync(
            "POST", "functions", """{"Service":"capitals","IMAGE":"x","EnvProcess":"cat","ENVVARS":{"Mixed_Case":"1"},"Labels":{"Git-Owner":"acme"},"Limits":{"Memory":"30Mi"},"Network":"func"}""");
        var function = await _gateway.SystemJsonAsync("function/capitals");

        Assert.Equal(202, status);
        Assert.Equal("acme", (string?)function["labels"]!["Git-Owner"]);
        Assert.Equal("30Mi", (string?)function["limits"]!["memory"]);
        Assert.Equal("1", (string?)function["envVars"]!["Mixed_Case"]);
    }

    [Fact]
    public async Task GPUs_are_kept_shown_and_told_as_not_set_aside()
    {
        var (status, text) = await AskAsync(
            "POST", "functions", """{"service":"gpus","image":"x","envProcess":"cat","limits":{"nvidia.com/gpu":"1","AMD.com/gpu":2},"requests":{"intel.com/gpu":"3"}}""");
        var function = await _gateway.SystemJsonAsync("function/gpus");

        Assert.True(status == 202, text);
        Assert.Equal(("1", "2", "3"), ((string?)function["limits"]!["nvidia.com/gpu"], (string?)function["limits"]!["amd.com/gpu"], (string?)function["requests"]!["intel.com/gpu"]));
        await _gateway.Process.Process.LineAsync(
            line => line.Contains("GPUs of limits", StringComparison.Ordinal) && line.Contains("gpus.openfaas-fn", StringComparison.Ordinal) && line.Contains("nvidia.com/gpu=1, amd.com/gpu=2", StringComparison.Ordinal),
            "it is told");
    }

    [Fact]
    public async Task Nulls_count_as_missing()
    {
        var (status, text) = await AskAsync(
            "POST", "functions", """{"service":"nulls","image":null,"namespace":null,"envProcess":"env","envVars":{"empty":null},"labels":{"l":null},"annotations":null,"secrets":null,"limits":null}""");
        using var answer = await _gateway.PostAsync("/function/nulls", "");

        Assert.True(status == 202, text);
        Assert.Contains("\nempty=\n", "\n" + await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal("", (string?)(await _gateway.SystemJsonAsync("function/nulls"))["labels"]!["l"]);
    }

    [Fact]
    public async Task Odd_deployments_are_taken_or_refused_by_name_and_nobody_else_notices()
    {
        await using var function = await HttpLedger.StartAsync((_, http) => http.Response.WriteAsync("still here"));
        await _gateway.DeployAsync("innocent", function.Url);
        await Deployments.SampleAsync(
            async deployment =>
            {
                var (status, text) = await AskAsync("PUT", "functions", deployment);
                if (status == 404)
                {
                    (status, text) = await AskAsync("POST", "functions", deployment);
                }

                Assert.True(status is >= 200 and < 300 || (status is >= 400 and < 500 && (Fields.Any(field => text.Contains(field, StringComparison.OrdinalIgnoreCase)) || text.Contains("JSON", StringComparison.Ordinal))), $"{status} {text}: {deployment}");
                using var call = await _gateway.PostAsync("/function/innocent", "");
                Assert.Equal("still here", await call.Content.ReadAsStringAsync());
            },
            iter: 500,
            threads: 1);

        // None of them has left its mark on the list, or on the gateway's start.
        await _gateway.SystemJsonAsync("functions");
        Assert.False(_gateway.Process.Process.HasExited);
    }

    private static Gen<string> Deployments
    {
        get
        {
            var text = Gen.OneOf<string>(
                Gen.OneOf(
                    "", " ", "cat", "env", "sh -c 'open", "no-such-program", "\0", "a\r\nb", "ü🦉", "../../x", "/etc/passwd", "64Mi", "-1", "0", "1", "99999999999999999999", "1e400", "NaN", "2000h",
                    "9999999999999999h", "10s", "http", "fork", "http://127.0.0.1:1", "http://[::1", "http://127.0.0.1:99999", "ftp://x", "true", "com.openfaas", "\uFFFF", "%s%n", "${X}", "$(reboot)"),
                Gen.String[0, 20],
                Gen.Int[1, 3].Select(n => new string('x', n * 60_000)));
            var json = Gen.OneOf<string>(
                text.Select(t => JsonSerializer.Serialize(t)),
                Gen.OneOf("null", "true", "0", "-1", "1.5", "1e999", "[]", "{}", "[null]", "[[]]", "{\"a\":null}", "{\"a\":{}}", "\"\\ud800\"", "[\"a\",1]"));
            var key = Gen.OneOf(
                "service", "Service", "SERVICE", "image", "namespace", "envProcess", "envVars", "constraints", "secrets", "labels", "annotations", "limits", "requests", "readOnlyRootFilesystem",
                "unknown", "", "ENVVARS", "Limits");
            var inner = Gen.OneOf(
                "exec_timeout", "write_timeout", "max_inflight", "mode", "upstream_url", "content_type", "ready_path", "combine_output", "http_buffer_req_body", "com.openfaas.retry.max_age", "com.openfaas.retry.attempts",
                "com.openfaas.scale.min", "com.openfaas.scale.type", "com.openfaas.queue", "topic", "schedule", "memory", "cpu", "files", "processes", "a.b", "a-b", "A=B", "", "LD_PRELOAD", "PATH", "CONNECTORS_RUN", "\0", "ü");
            var map = Gen.Select(inner, json).Array[0, 3].Select(entries => $"{{{string.Join(',', entries.Select(e => $"{JsonSerializer.Serialize(e.Item1)}:{e.Item2}"))}}}");
            var pair = Gen.Select(key, Gen.Frequency<string>((2, json), (3, map)), (k, v) => $"{JsonSerializer.Serialize(k)}:{v}");
            var whole = Gen.Select(Gen.OneOf("odd", "odd-2", "odd-3"), Gen.OneOf("cat", "env", "/no/such"), pair.Array[0, 3], (name, process, fields) =>
                $"{{\"service\":\"{name}\",\"image\":\"x\",\"envProcess\":\"{process}\"{string.Concat(fields.Select(f => "," + f))}}}");
            return Gen.Frequency<string>((8, whole), (1, pair.Array[0, 4].Select(fields => $"{{{string.Join(',', fields)}}}")), (1, json), (1, Gen.Select(whole, Gen.Int[1, 60], (t, cut) => t[..Math.Max(0, t.Length - cut)])));
        }
    }

    private async Task<(int Status, string Text)> AskAsync(string verb, string path, string body)
    {
        using var request = new HttpRequestMessage(new HttpMethod(verb), new Uri(_gateway.Api, "/system/" + path)) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.TryAddWithoutValidation("Authorization", TestGateway.Admin);
        using var response = await _gateway.Http.SendAsync(request);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync());
    }
}
