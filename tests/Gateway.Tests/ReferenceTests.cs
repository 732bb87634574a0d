using System.Text.RegularExpressions;
using Connectors.Gateway.Reference;
using Connectors.Testing;
using Microsoft.OpenApi;

namespace Connectors.Gateway.Tests;

public sealed partial class ReferenceTests
{
    // A gateway maps no route that is not described: it would not start.
    [Fact]
    public async Task Everything_that_is_described_is_there_with_one_provider_or_the_other()
    {
        var embedded = await ReadAsync([]);
        var remote = await ReadAsync([("functions_provider_url", $"http://127.0.0.1:{FreePort.Next()}")]);

        Assert.Equal(
            Operation.All.Select(operation => $"{operation.Method} {operation.Route}").Concat(["HEAD /healthz", "GET /function/{name}", "POST /function/{name}", "POST /async-function/{name}"]).Order(),
            Operations(embedded).Union(Operations(remote)).Order());
    }

    [Fact]
    public async Task It_tells_parameters_bodies_answers_and_who_may_ask()
    {
        var document = await ReadAsync([]);

        var letters = document.Paths["/system/queues/{queue}/dead"].Operations![HttpMethod.Get];
        Assert.Equal(["queue", "function", "reason", "since", "until", "tag", "limit", "after"], letters.Parameters!.Select(parameter => parameter.Name));
        var page = letters.Responses!["200"].Content!["application/json"].Schema!;
        Assert.Equal(["items", "next"], page.Properties!.Keys);
        Assert.Equal(["items"], page.Required!);
        Assert.Single(letters.Security!);
        var pause = document.Paths["/system/queues/{queue}/pause"].Operations![HttpMethod.Post];
        Assert.Equal(["reason", "by"], pause.RequestBody!.Content!["application/json"].Schema!.Properties!.Keys);
        Assert.Empty(document.Paths["/async-function/{name}"].Operations![HttpMethod.Delete].Security ?? []);
    }

    [Fact]
    public void Each_query_parameter_that_is_read_is_described()
    {
        var read = new[] { "gateway/Gateway", "gateway/Provider" }
            .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(Tools.RepositoryRoot, folder), "*.cs", SearchOption.AllDirectories))
            .SelectMany(file => Reading().Matches(File.ReadAllText(file)))
            .Select(match => match.Groups["name"].Value)
            .Distinct()
            .Order();

        Assert.Equal(Operation.Query.Keys.Order(), read);
        Assert.Equal(Operation.Query.Keys.Order(), Operation.All.SelectMany(operation => operation.Reads).Distinct().Order());
    }

    [Fact]
    public async Task What_is_done_is_answered_with_the_status_that_is_described()
    {
        await using var gateway = await TestGateway.StartAsync();
        (string Method, string Path, object? Body, string Route)[] asked =
        [
            ("POST", "connectors", new { connector = "cron", instance = "a", metrics = "" }, "/system/connectors"),
            ("POST", "namespace", new { name = "one" }, "/system/namespace"),
            ("POST", "namespace/two", new { }, "/system/namespace/{name}"),
            ("PUT", "namespace/two", new { }, "/system/namespace/{name}"),
            ("DELETE", "namespace/two", new { }, "/system/namespace/{name}"),
            ("POST", "functions", new { service = "echo", image = "none", envProcess = "cat" }, "/system/functions"),
            ("PUT", "functions", new { service = "echo", image = "none", envProcess = "cat" }, "/system/functions"),
            ("POST", "scale-function/echo", new { serviceName = "echo", replicas = 1 }, "/system/scale-function/{name}"),
            ("DELETE", "functions", new { functionName = "echo" }, "/system/functions"),
            ("POST", "secrets", new { name = "key", value = "a" }, "/system/secrets"),
            ("PUT", "secrets", new { name = "key", value = "b" }, "/system/secrets"),
            ("DELETE", "secrets", new { name = "key" }, "/system/secrets"),
        ];

        foreach (var (method, path, body, route) in asked)
        {
            await gateway.SystemAsync(new HttpMethod(method), path, body, (System.Net.HttpStatusCode)Operation.Of(method, route)!.Status);
        }
    }

    private static async Task<OpenApiDocument> ReadAsync((string, string)[] options)
    {
        await using var gateway = await TestGateway.StartUnreadyAsync(options);
        var (document, diagnostic) = OpenApiDocument.Parse(await gateway.Http.GetStringAsync(new Uri(gateway.Api, "/openapi.json")), "json");
        Assert.Empty(diagnostic!.Errors);
        Assert.Empty(diagnostic.Warnings);
        return document!;
    }

    private static IEnumerable<string> Operations(OpenApiDocument document) =>
        from path in document.Paths from operation in path.Value.Operations! select $"{operation.Key.Method} {path.Key}";

    [GeneratedRegex("""[Qq]uery\["(?<name>\w+)"\]""")]
    private static partial Regex Reading();
}
