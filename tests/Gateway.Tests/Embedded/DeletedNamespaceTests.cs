using System.Net;

namespace Connectors.Gateway.Tests.Embedded;

/// <summary>What is left of a namespace that was deleted: nothing of the gateway's own, and what somebody else put there.</summary>
public sealed class DeletedNamespaceTests(ProviderFixture fixture) : IClassFixture<ProviderFixture>
{
    private readonly TestGateway _gateway = fixture.Embedded;

    [Fact]
    public async Task Its_empty_folders_go_with_it_and_it_can_be_made_anew()
    {
        for (var round = 0; round < 2; round++)
        {
            await LiveAsync("passing");
            Assert.NotEmpty(FoldersOf("passing"));

            await _gateway.SystemAsync(HttpMethod.Delete, "namespace/passing", expected: HttpStatusCode.Accepted);

            Assert.Empty(FoldersOf("passing"));
        }
    }

    [Fact]
    public async Task A_folder_in_which_something_lies_stays()
    {
        await LiveAsync("keeping");
        var notes = Path.Combine(_gateway.DataPath, "work", "keeping", "notes");
        await File.WriteAllTextAsync(notes, "mine");

        await _gateway.SystemAsync(HttpMethod.Delete, "namespace/keeping", expected: HttpStatusCode.Accepted);

        Assert.Equal([Path.GetDirectoryName(notes)!], FoldersOf("keeping"));
        Assert.Equal("mine", await File.ReadAllTextAsync(notes));
    }

    // Made, and a function called in it; then all is deleted but the namespace.
    private async Task LiveAsync(string ns)
    {
        await _gateway.SystemAsync(HttpMethod.Post, "namespace/", new { name = ns }, HttpStatusCode.Created);
        await _gateway.SystemAsync(HttpMethod.Post, "secrets", new { name = "key", @namespace = ns, value = "v" }, HttpStatusCode.Accepted);
        await _gateway.SystemAsync(
            HttpMethod.Post, "functions", new { service = "there", @namespace = ns, image = "none", envProcess = "sh -c 'echo said >&2; cat'", secrets = new[] { "key" } }, HttpStatusCode.Accepted);
        using var answer = await _gateway.PostAsync($"/function/there.{ns}", "hi");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        await _gateway.SystemAsync(HttpMethod.Delete, $"functions?namespace={ns}", new { functionName = "there" }, HttpStatusCode.Accepted);
        await _gateway.SystemAsync(HttpMethod.Delete, "secrets", new { name = "key", @namespace = ns }, HttpStatusCode.Accepted);
    }

    private IEnumerable<string> FoldersOf(string ns) => Directory.EnumerateDirectories(_gateway.DataPath).Select(folder => Path.Combine(folder, ns)).Where(Directory.Exists);
}
