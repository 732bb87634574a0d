using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Connectors.Testing;

namespace Connectors.Gateway.Tests.Embedded;

/// <summary>A stack file at the gateway's start.</summary>
public sealed class FunctionsPathTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("functions-").FullName;

    public FunctionsPathTests() => File.SetUnixFileMode(_folder, File.GetUnixFileMode(_folder) | UnixFileMode.OtherExecute | UnixFileMode.OtherRead);

    [Fact]
    public async Task A_file_gives_the_functions_that_faas_cli_would_deploy_from_it()
    {
        File.WriteAllText(Path.Combine(_folder, "common.yml"), "environment:\n  from_file: \"yes\"\n");
        var path = Write("""
            version: 1.0
            provider:
              name: openfaas
              gateway: http://127.0.0.1:8080
            x-defaults: &defaults
              image: x
              fprocess: env
              annotations:
                com.openfaas.retry.attempts: 3
            functions:
              subject:
                <<: *defaults
                environment:
                  stage: ${STAGE_OF_THIS_TEST:-dev}
                  flag: true
                  empty:
                environment_file:
                  - common.yml
                labels:
                  com.openfaas.scale.min: "2"
            """);

        // What faas-cli sends for it.
        const string Sent = """
            {"service":"subject","image":"x:latest","envProcess":"env","envVars":{"stage":"dev","flag":"true","empty":"","from_file":"yes"},
             "labels":{"com.openfaas.scale.min":"2"},"annotations":{"com.openfaas.retry.attempts":"3"}}
            """;
        await using var fromFile = await TestGateway.StartAsync(null, ("functions_path", path));
        await using var fromClient = await TestGateway.StartAsync();
        await fromClient.SystemAsync(HttpMethod.Post, "functions", JsonNode.Parse(Sent), HttpStatusCode.Accepted);

        Assert.Equal(await DescribeAsync(fromClient), await DescribeAsync(fromFile));
    }

    [Fact]
    public async Task A_handler_directory_may_hold_the_data_and_a_bad_one_concerns_its_function_alone()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "bad"));
        File.CreateSymbolicLink(Path.Combine(_folder, "bad", "dangling"), "nowhere");
        File.WriteAllText(Path.Combine(_folder, "greeting"), "hello");
        var path = Write("""
            functions:
              whole:
                fprocess: sh -c 'cat greeting; ls'
                handler: .
              broken:
                fprocess: cat
                handler: ./bad
            """);
        File.Delete(Path.Combine(_folder, "bad", "dangling"));
        await using var gateway = await TestGateway.StartAsync(null, ("functions_path", path), ("data_path", Path.Combine(_folder, "data")));
        using var answer = await gateway.PostAsync("/function/whole", "");
        Assert.StartsWith("hellobad\n", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        File.WriteAllText(Path.Combine(_folder, "greeting"), "again");
        File.CreateSymbolicLink(Path.Combine(_folder, "bad", "loop"), "loop");
        File.CreateSymbolicLink(Path.Combine(_folder, "bad", "up"), "..");
        await gateway.Process.KillAsync();
        await gateway.Process.StartAgainAsync();
        using var broken = await gateway.PostAsync("/function/broken", "still the old one");

        // The whole directory holds the bad one, and is refused for it too; what was deployed before goes on.
        var told = gateway.Process.Process.Lines.Where(line => line.Contains("not deployed", StringComparison.Ordinal)).ToList();
        Assert.Contains(told, line => line.Contains("functions.broken: handler: ", StringComparison.Ordinal) && line.Contains("bad/loop", StringComparison.Ordinal));
        Assert.Equal("still the old one", await broken.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData("nowhere", false)]
    [InlineData("loop", false)]
    [InlineData("/proc/self/mem", false)] // found by the plan, and refused by the copy
    [InlineData("/proc/self/mem", true)]
    public async Task A_staying_function_goes_on_as_it_was_when_its_handler_cannot_be_copied(string target, bool hasFixedPort)
    {
        var handler = Directory.CreateDirectory(Path.Combine(_folder, "handler")).FullName;
        var port = FreePort.Next();

        // In a stack file $$ is a $.
        var command = JsonSerializer.Serialize($"{HttpFunction.Command} {port}".Replace("$$", "$$$$", StringComparison.Ordinal));
        var path = Write($"""
            functions:
              stays:
                fprocess: {command}
                handler: ./handler
                environment:
                  mode: http
                  {(hasFixedPort ? $"upstream_url: http://127.0.0.1:{port}" : "round: 1")}
            """);
        await using var gateway = await TestGateway.StartAsync(null, ("functions_path", path));
        using var first = await gateway.PostAsync("/function/stays/x", "the first one");
        Assert.Equal("POST /x the first one", await first.Content.ReadAsStringAsync());
        await gateway.Process.KillAsync();
        await Eventually.HoldsAsync(() => HttpFunction.Running(gateway, "stays") == 0, "its port is free");
        File.CreateSymbolicLink(Path.Combine(handler, "loop"), target);
        await gateway.Process.StartAgainAsync();

        using var answer = await gateway.PostAsync("/function/stays/x", "still the old one");

        Assert.Contains(gateway.Process.Process.Lines, line => line.Contains("not deployed", StringComparison.Ordinal) && line.Contains("functions.stays: handler: ", StringComparison.Ordinal));
        Assert.Equal("POST /x still the old one", await answer.Content.ReadAsStringAsync());
        Assert.Equal(0, await gateway.Process.TerminateAsync());

        File.Delete(Path.Combine(handler, "loop"));
        File.WriteAllText(Path.Combine(handler, "brought"), "");
        await gateway.Process.StartAgainAsync();
        using var again = await gateway.PostAsync("/function/stays/x", "and the new one");
        Assert.Equal("POST /x and the new one", await again.Content.ReadAsStringAsync());
        Assert.True(File.Exists(Path.Combine(gateway.DataPath, "work", "openfaas-fn", "stays", "brought")));
        Assert.Equal(0, await gateway.Process.TerminateAsync());
    }

    [Fact]
    public async Task A_secret_that_is_not_there_concerns_its_function_alone()
    {
        var path = Write("""
            functions:
              whole:
                fprocess: cat
              needs:
                fprocess: sh -c 'cat $secret_mount_path/token'
                secrets: [token]
            """);
        await using var gateway = await TestGateway.StartAsync(null, ("functions_path", path));
        await IsToldAsync();
        using var whole = await gateway.PostAsync("/function/whole", "hi");
        Assert.Equal("hi", await whole.Content.ReadAsStringAsync());
        await gateway.SystemAsync(HttpMethod.Get, "function/needs", expected: HttpStatusCode.NotFound);

        await gateway.SystemAsync(HttpMethod.Post, "secrets", new { name = "token", value = "mine" }, HttpStatusCode.Accepted);
        await StartAgainAsync();
        using var answer = await gateway.PostAsync("/function/needs", "");
        Assert.Equal("mine", await answer.Content.ReadAsStringAsync());

        // As it was deployed before.
        await gateway.SystemAsync(HttpMethod.Delete, "secrets", new { name = "token" }, HttpStatusCode.Accepted);
        await StartAgainAsync();
        await IsToldAsync();
        await gateway.SystemAsync(HttpMethod.Get, "function/needs");

        async Task StartAgainAsync()
        {
            await gateway.Process.KillAsync();
            await gateway.Process.StartAgainAsync();
        }

        Task<string> IsToldAsync() => gateway.Process.Process.LineAsync(
            line => line.Contains("Function of the stack file not deployed", StringComparison.Ordinal)
                && line.Contains($"{path}: line 6: functions.needs: secrets: there is no secret token", StringComparison.Ordinal),
            "the function is told");
    }

    [Fact]
    public async Task A_fault_ends_the_start_with_file_line_and_key()
    {
        var path = Write("functions:\n  a:\n    fprocess: cat\n    environment:\n      exec_timeout: 2000h\n");

        var refusal = await Assert.ThrowsAsync<InvalidOperationException>(() => TestGateway.StartAsync(null, ("functions_path", path)));

        Assert.Contains("ended with 2", refusal.Message, StringComparison.Ordinal);
        Assert.Contains($"functions_path: {path}: line 5: functions.a: exec_timeout: ", refusal.Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Write(string text)
    {
        var path = Path.Combine(_folder, "functions.yaml");
        File.WriteAllText(path, text);
        return path;
    }

    private static async Task<string> DescribeAsync(TestGateway gateway)
    {
        var function = (JsonObject)await gateway.SystemJsonAsync("function/subject");
        function.Remove("createdAt");
        var variables = function["envVars"]!.AsObject();
        function["envVars"] = new JsonObject(variables.OrderBy(v => v.Key, StringComparer.Ordinal).Select(v => KeyValuePair.Create(v.Key, v.Value?.DeepClone())));
        return function.ToJsonString();
    }
}
