using System.Net;

namespace Connectors.Gateway.Tests.Embedded;

/// <summary>What cannot be written, here because something else lies in its place: it is not half done, and nothing else waits for it.</summary>
public sealed class UnwritableTests
{
    [Fact]
    public async Task A_deploy_that_is_500_does_not_take_effect_with_a_restart()
    {
        await using var gateway = await TestGateway.StartAsync();
        await gateway.SystemAsync(HttpMethod.Post, "secrets", new { name = "token", value = "v" }, HttpStatusCode.Accepted);
        await gateway.DeployAsync("updated", "echo first");
        var mounts = Directory.CreateDirectory(Path.Combine(gateway.DataPath, "mounts", "openfaas-fn")).FullName;
        File.WriteAllText(Path.Combine(mounts, "new"), "in the way");
        File.WriteAllText(Path.Combine(mounts, "updated"), "in the way");

        await FailAsync(HttpMethod.Post, "new");
        await FailAsync(HttpMethod.Put, "updated");
        Assert.Equal(["updated"], await NamesAsync(gateway));
        Assert.Equal("first\n", await CallAsync(gateway, "updated"));

        File.Delete(Path.Combine(mounts, "new"));
        File.Delete(Path.Combine(mounts, "updated"));
        await gateway.Process.KillAsync();
        await gateway.Process.StartAgainAsync();
        Assert.Equal(["updated"], await NamesAsync(gateway));
        Assert.Equal("first\n", await CallAsync(gateway, "updated"));

        Task<string> FailAsync(HttpMethod verb, string name) => gateway.SystemAsync(
            verb, "functions", new { service = name, image = "none", envProcess = "echo second", secrets = new[] { "token" } }, HttpStatusCode.InternalServerError);
    }

    [Fact]
    public async Task A_first_deploy_that_is_500_leaves_nothing_but_files_that_were_there()
    {
        await using var gateway = await TestGateway.StartAsync();
        await gateway.SystemAsync(HttpMethod.Post, "secrets", new { name = "token", value = "v" }, HttpStatusCode.Accepted);
        var brought = Path.Combine(Directory.CreateDirectory(PathOf("work", "brings")).FullName, "file");
        File.WriteAllText(brought, "brought");

        // Its definition is written last.
        foreach (var name in (string[])["new", "brings"])
        {
            Directory.CreateDirectory(Path.Combine(PathOf("functions", name + ".json"), "below"));
            await gateway.SystemAsync(
                HttpMethod.Post, "functions", new { service = name, image = "none", envProcess = "cat", secrets = new[] { "token" } }, HttpStatusCode.InternalServerError);
            Assert.False(Path.Exists(PathOf("mounts", name)));
            Assert.False(Path.Exists(PathOf("views", name)));
        }

        Assert.False(Path.Exists(PathOf("work", "new")));
        Assert.Equal("brought", File.ReadAllText(brought));
        Assert.Empty(await NamesAsync(gateway));

        string PathOf(string folder, string name) => Path.Combine(gateway.DataPath, folder, "openfaas-fn", name);
    }

    [Fact]
    public async Task A_call_wakes_its_function_though_the_definition_cannot_be_written()
    {
        await using var gateway = await TestGateway.StartAsync();
        await gateway.DeployAsync("sleeps", "cat");
        await gateway.SystemAsync(HttpMethod.Post, "scale-function/sleeps", new { replicas = 0 }, HttpStatusCode.Accepted);
        var definition = Path.Combine(gateway.DataPath, "functions", "openfaas-fn", "sleeps.json");
        File.Delete(definition);
        Directory.CreateDirectory(definition);

        Assert.Equal("hi", await CallAsync(gateway, "sleeps", "hi"));
        await gateway.Process.Process.LineAsync(
            line => line.Contains("Function woken by a call", StringComparison.Ordinal) && line.Contains("sleeps.openfaas-fn", StringComparison.Ordinal), "it is told");

        // Who asks for replicas is told that they would not last.
        await gateway.SystemAsync(HttpMethod.Post, "scale-function/sleeps", new { replicas = 2 }, HttpStatusCode.InternalServerError);
        Assert.Equal(1, (int?)(await gateway.SystemJsonAsync("function/sleeps"))["replicas"]);
    }

    [Fact]
    public async Task A_function_is_deleted_though_its_directory_cannot_be()
    {
        await using var gateway = await TestGateway.StartAsync();
        await gateway.SystemAsync(HttpMethod.Post, "secrets", new { name = "token", value = "v" }, HttpStatusCode.Accepted);
        await gateway.SystemAsync(HttpMethod.Post, "functions", new { service = "gone", image = "none", envProcess = "cat", secrets = new[] { "token" } }, HttpStatusCode.Accepted);
        var view = Path.Combine(gateway.DataPath, "views", "openfaas-fn", "gone");
        File.Delete(view);
        Directory.CreateDirectory(view);

        await DeleteAsync(gateway, "gone", HttpStatusCode.Accepted);

        await gateway.Process.Process.LineAsync(line => line.Contains("Directory of a deleted function left behind", StringComparison.Ordinal), "it is told");
        Assert.Empty(await NamesAsync(gateway));
        Assert.False(Directory.Exists(Path.Combine(gateway.DataPath, "mounts", "openfaas-fn", "gone")));
    }

    [Fact]
    public async Task A_function_that_only_the_disk_has_can_be_deleted_and_nothing_else_there()
    {
        await using var gateway = await TestGateway.StartAsync();
        var definition = Path.Combine(gateway.DataPath, "functions", "openfaas-fn", "half.json");
        var other = Path.Combine(gateway.DataPath, "other.json");
        Directory.CreateDirectory(Path.GetDirectoryName(definition)!);
        File.WriteAllText(definition, "{");
        File.WriteAllText(other, "{");
        await gateway.Process.KillAsync();
        await gateway.Process.StartAgainAsync();

        await DeleteAsync(gateway, "../../other", HttpStatusCode.NotFound);
        await DeleteAsync(gateway, "half", HttpStatusCode.Accepted);
        await DeleteAsync(gateway, "half", HttpStatusCode.NotFound);

        Assert.False(File.Exists(definition));
        Assert.True(File.Exists(other));
    }

    private static Task<string> DeleteAsync(TestGateway gateway, string name, HttpStatusCode expected) =>
        gateway.SystemAsync(HttpMethod.Delete, "functions", new { functionName = name }, expected);

    private static async Task<string> CallAsync(TestGateway gateway, string name, string body = "")
    {
        using var answer = await gateway.PostAsync($"/function/{name}", body);
        return await answer.Content.ReadAsStringAsync();
    }

    private static async Task<IReadOnlyList<string>> NamesAsync(TestGateway gateway) =>
        [.. (await gateway.SystemJsonAsync("functions")).AsArray().Select(function => (string)function!["name"]!)];
}
