using System.Net;
using System.Text.Json;
using Connectors.Testing;

namespace Connectors.Gateway.Tests.Embedded;

/// <summary>Changes that want the same and come at once: one is made, and the others are refused as if they had come later.</summary>
public sealed class ConcurrentChangeTests(ProviderFixture fixture) : IClassFixture<ProviderFixture>
{
    private const int Rounds = 5;
    private const int AtOnce = 8;

    private readonly TestGateway _gateway = fixture.Embedded;

    [Fact]
    public async Task A_port_becomes_one_functions()
    {
        for (var round = 0; round < Rounds; round++)
        {
            var variables = new { mode = "http", upstream_url = $"http://127.0.0.1:{FreePort.Next()}" };
            var answers = await AtOnceAsync(i => StatusAsync(HttpMethod.Post, "functions", new { service = $"port-{round}-{i}", envProcess = "sleep 600", envVars = variables }));

            Assert.Equal(OneOf(HttpStatusCode.Accepted, HttpStatusCode.BadRequest), answers);
        }
    }

    [Fact]
    public async Task A_namespace_and_a_secret_are_made_once()
    {
        for (var round = 0; round < Rounds; round++)
        {
            var name = $"made-{round}";
            var namespaces = await AtOnceAsync(_ => StatusAsync(HttpMethod.Post, "namespace/", new { name }));
            var secrets = await AtOnceAsync(i => StatusAsync(HttpMethod.Post, "secrets", new { name, value = $"{i}" }));

            Assert.Equal(OneOf(HttpStatusCode.Created, HttpStatusCode.Conflict), namespaces);
            Assert.Equal(OneOf(HttpStatusCode.Accepted, HttpStatusCode.Conflict), secrets);
        }
    }

    [Fact]
    public async Task What_is_deployed_or_made_in_a_namespace_keeps_it()
    {
        for (var round = 0; round < 4 * Rounds; round++)
        {
            var ns = $"going-{round}";
            Assert.Equal(HttpStatusCode.Created, await StatusAsync(HttpMethod.Post, "namespace/", new { name = ns }));
            var making = round % 2 == 0
                ? StatusAsync(HttpMethod.Post, "functions", new { service = "late", @namespace = ns, envProcess = "cat" })
                : StatusAsync(HttpMethod.Post, "secrets", new { name = "late", @namespace = ns, value = "v" });
            var deleting = StatusAsync(HttpMethod.Delete, $"namespace/{ns}");

            Assert.Equal(await making == HttpStatusCode.Accepted, await deleting == HttpStatusCode.Conflict);
            var listed = (await _gateway.SystemJsonAsync("namespaces")).AsArray().Select(name => (string)name!);
            Assert.Equal(await making == HttpStatusCode.Accepted, listed.Contains(ns));
        }
    }

    private static IEnumerable<HttpStatusCode> OneOf(HttpStatusCode one, HttpStatusCode others) => Enumerable.Repeat(others, AtOnce - 1).Prepend(one);

    private static async Task<IEnumerable<HttpStatusCode>> AtOnceAsync(Func<int, Task<HttpStatusCode>> ask) => (await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(ask))).Order();

    private async Task<HttpStatusCode> StatusAsync(HttpMethod verb, string path, object? body = null)
    {
        (string, string)[] headers = [("Authorization", TestGateway.Admin), .. body is null ? Array.Empty<(string, string)>() : [("Content-Type", "application/json")]];
        using var answer = await _gateway.SendAsync(verb, "/system/" + path, body is null ? null : JsonSerializer.SerializeToUtf8Bytes(body), headers);
        return answer.StatusCode;
    }
}
