using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.Gateway.Tests.Embedded;

/// <summary>Staying functions whose <c>upstream_url</c> names a port: it is one function's, and whoever else listens there answers none of its calls.</summary>
public sealed class FixedPortTests
{
    [Fact]
    public async Task Whoever_holds_the_port_answers_no_call_of_the_function()
    {
        await using var gateway = await TestGateway.StartAsync();
        await using var stranger = await HttpLedger.StartAsync((_, http) => http.Response.WriteAsync("own=stranger"));
        await DeployAsync(gateway, "late", stranger.Port);

        Assert.Null(await OwnerAsync(gateway, "late"));
        await gateway.Process.Process.LineAsync(
            line => line.Contains("Replica not started", StringComparison.Ordinal) && line.Contains("late.openfaas-fn", StringComparison.Ordinal)
                && line.Contains($"port {stranger.Port} is held by another process", StringComparison.Ordinal),
            "it is told");
        Assert.Empty(stranger.Requests);

        await stranger.StopAsync();
        Assert.Equal("late", await AnsweredByAsync(gateway, "late"));
    }

    [Fact]
    public async Task A_port_of_another_function_is_refused_by_its_name_until_that_one_leaves_it()
    {
        await using var gateway = await TestGateway.StartAsync();
        var (port, other) = (FreePort.Next(), FreePort.Next());
        await DeployAsync(gateway, "first", port);
        foreach (var host in (string[])["127.0.0.1", "localhost", "[::1]"])
        {
            Assert.StartsWith(
                $"upstream_url: port {port} is that of first.openfaas-fn;", await DeployAsync(gateway, "second", port, host: host, expected: HttpStatusCode.BadRequest), StringComparison.Ordinal);
        }

        // Its own it may keep, and as a service that runs already anybody may name it.
        await DeployAsync(gateway, "first", port, verb: HttpMethod.Put);
        await gateway.DeployAsync("service", new Uri($"http://127.0.0.1:{port}/"));
        Assert.Equal("first", await AnsweredByAsync(gateway, "first"));
        Assert.Equal("first", await AnsweredByAsync(gateway, "service"));

        await DeployAsync(gateway, "first", other, verb: HttpMethod.Put);
        await DeployAsync(gateway, "second", port);
        Assert.Equal("second", await AnsweredByAsync(gateway, "second"));
        Assert.Equal("first", await AnsweredByAsync(gateway, "first"));

        await gateway.SystemAsync(HttpMethod.Delete, "functions", new { functionName = "second" }, HttpStatusCode.Accepted);
        await DeployAsync(gateway, "third", port);
        Assert.Equal("third", await AnsweredByAsync(gateway, "third"));
    }

    [Fact]
    public async Task Calls_wait_for_a_port_that_another_function_is_leaving()
    {
        await using var gateway = await TestGateway.StartAsync();
        var (port, other) = (FreePort.Next(), FreePort.Next());
        await gateway.DeployAsync(
            "leaves", HttpFunction.Command, environment: new Dictionary<string, string>(Variables("leaves", port)) { ["write_timeout"] = "3s", ["ignore_term"] = "1" });
        using var hanging = await RawHttp.ConnectAsync(gateway.Api);
        await hanging.SendAsync("GET /function/leaves/hang HTTP/1.1\r\nHost: x\r\n\r\n");
        await Eventually.HoldsAsync(() => HttpFunction.Running(gateway, "leaves") == 2, "the call runs");

        await DeployAsync(gateway, "leaves", other, verb: HttpMethod.Put);
        await DeployAsync(gateway, "comes", port);
        var owners = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => OwnerAsync(gateway, "comes")));

        Assert.All(owners, owner => Assert.Equal("comes", owner));
        Assert.DoesNotContain(gateway.Process.Process.Lines, line => line.Contains("Replica not started", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_port_of_the_gateways_own_is_refused_by_its_name()
    {
        var scaler = FreePort.Next();
        await using var gateway = await TestGateway.StartAsync(null, ("scaler_port", $"{scaler}"));
        foreach (var (option, port) in new[] { ("port", gateway.Api.Port), ("metrics_port", gateway.Process.Metrics.Port), ("scaler_port", scaler) })
        {
            Assert.StartsWith(
                $"upstream_url: port {port} is the gateway's {option};", await DeployAsync(gateway, "mine", port, expected: HttpStatusCode.BadRequest), StringComparison.Ordinal);
        }

        await gateway.DeployAsync("service", gateway.Process.Metrics);
        using var health = await gateway.SendAsync(HttpMethod.Get, "/function/service/healthz");
        Assert.Equal(HttpStatusCode.OK, health.StatusCode);
    }

    // As a gateway left them that did not look at the ports.
    [Fact]
    public async Task Two_that_were_deployed_on_one_port_are_never_taken_for_each_other()
    {
        await using var gateway = await TestGateway.StartAsync();
        var port = FreePort.Next();
        await DeployAsync(gateway, "one", port);
        await DeployAsync(gateway, "two", FreePort.Next());
        await gateway.Process.KillAsync();
        await Eventually.HoldsAsync(() => HttpFunction.Running(gateway, "one") + HttpFunction.Running(gateway, "two") == 0, "the ports are free");
        await MoveAsync(gateway, "two", port);
        await gateway.Process.StartAgainAsync();

        // One has the port, whichever was first, and the other waits for it.
        var answers = new List<(string Name, string? Owner)>();
        await Eventually.HoldsAsync(
            async () =>
            {
                (string Name, string? Owner)[] asked = [("one", await OwnerAsync(gateway, "one")), ("two", await OwnerAsync(gateway, "two"))];
                answers.AddRange(asked.Where(answer => answer.Owner is not null));
                return asked.Count(answer => answer.Owner is null) == 1;
            },
            "one answers");
        Assert.All(answers, answer => Assert.Equal(answer.Name, answer.Owner));

        var (holder, waiting) = answers[^1].Name == "one" ? ("one", "two") : ("two", "one");
        await gateway.SystemAsync(HttpMethod.Delete, "functions", new { functionName = holder }, HttpStatusCode.Accepted);
        Assert.Equal(waiting, await AnsweredByAsync(gateway, waiting));
    }

    // As a gateway left it that had other ports: its listeners begin after its functions, of which this one would listen much later.
    [Fact]
    public async Task One_that_was_deployed_on_a_port_of_the_gateways_own_is_never_taken_to_listen_there()
    {
        await using var gateway = await TestGateway.StartAsync();
        await gateway.DeployAsync("mine", "sleep 600", environment: Variables("mine", FreePort.Next()));
        await gateway.Process.KillAsync();
        await MoveAsync(gateway, "mine", gateway.Process.Metrics.Port);
        await gateway.Process.StartAgainAsync();

        Assert.Null(await OwnerAsync(gateway, "mine"));
        await gateway.Process.Process.LineAsync(
            line => line.Contains("Replica not started", StringComparison.Ordinal) && line.Contains("mine.openfaas-fn", StringComparison.Ordinal)
                && line.Contains($"port {gateway.Process.Metrics.Port} is held by another process", StringComparison.Ordinal),
            "it is told");
        Assert.Null(await OwnerAsync(gateway, "mine"));
    }

    [Fact]
    public async Task A_function_of_a_stack_file_is_left_out_above_another_that_keeps_the_port()
    {
        var port = FreePort.Next();
        var path = StackPath();
        await WriteAsync(path, ("two", port));
        await using var gateway = await TestGateway.StartAsync(null, ("functions_path", path));
        Assert.Equal("two", await AnsweredByAsync(gateway, "two"));

        await gateway.Process.KillAsync();
        await WriteAsync(path, ("zero", port), ("two", port));
        await gateway.Process.StartAgainAsync();

        await gateway.Process.Process.LineAsync(
            line => line.Contains("Function of the stack file not deployed", StringComparison.Ordinal)
                && line.Contains($"{path}: line 4: functions.zero: upstream_url: port {port} is that of two.openfaas-fn", StringComparison.Ordinal),
            "the function is told");
        Assert.Equal("two", await AnsweredByAsync(gateway, "two"));
        await gateway.SystemAsync(HttpMethod.Get, "function/zero", expected: HttpStatusCode.NotFound);
        File.Delete(path);
    }

    [Fact]
    public async Task Functions_of_a_stack_file_may_exchange_their_ports_and_one_that_asks_for_anothers_concerns_itself_alone()
    {
        var (port, other) = (FreePort.Next(), FreePort.Next());
        var path = StackPath();
        await WriteAsync(path, ("one", port), ("two", other));
        await using var gateway = await TestGateway.StartAsync(null, ("functions_path", path));
        Assert.Equal("one", await AnsweredByAsync(gateway, "one"));
        Assert.Equal("two", await AnsweredByAsync(gateway, "two"));

        await gateway.Process.KillAsync();
        await WriteAsync(path, ("one", other), ("two", port), ("three", port));
        await gateway.Process.StartAgainAsync();

        await gateway.Process.Process.LineAsync(
            line => line.Contains("Function of the stack file not deployed", StringComparison.Ordinal)
                && line.Contains($"{path}: line 10: functions.three: upstream_url: port {port} is that of two.openfaas-fn", StringComparison.Ordinal),
            "the function is told");
        Assert.Equal("one", await AnsweredByAsync(gateway, "one"));
        Assert.Equal("two", await AnsweredByAsync(gateway, "two"));
        Assert.EndsWith($":{other}", (string?)(await gateway.SystemJsonAsync("function/one"))["envVars"]!["upstream_url"], StringComparison.Ordinal);
        await gateway.SystemAsync(HttpMethod.Get, "function/three", expected: HttpStatusCode.NotFound);
        File.Delete(path);
    }

    private static string StackPath() => Path.Combine(Path.GetTempPath(), $"stack-{Guid.NewGuid():N}.yaml");

    // In a stack file $$ is a $.
    private static Task WriteAsync(string path, params (string Name, int Port)[] functions) => File.WriteAllTextAsync(
        path,
        "functions:\n" + string.Concat(functions.Select(function =>
            $"  {function.Name}:\n"
            + $"    fprocess: {JsonSerializer.Serialize(HttpFunction.Command.Replace("$$", "$$$$", StringComparison.Ordinal))}\n"
            + $"    environment: {JsonSerializer.Serialize(Variables(function.Name, function.Port))}\n")));

    // Of a gateway that does not run: what it stored of a function, with another port.
    private static async Task MoveAsync(TestGateway gateway, string name, int port)
    {
        var path = Path.Combine(gateway.DataPath, "functions", "openfaas-fn", $"{name}.json");
        var definition = JsonNode.Parse(await File.ReadAllTextAsync(path))!;
        definition["deployment"]!["envVars"] = JsonSerializer.SerializeToNode(Variables(name, port));
        await File.WriteAllTextAsync(path, definition.ToJsonString());
    }

    private static Dictionary<string, string> Variables(string name, int port, string host = "127.0.0.1") =>
        new() { ["mode"] = "http", ["upstream_url"] = $"http://{host}:{port}", ["PORT"] = $"{port}", ["own"] = name };

    private static Task<string> DeployAsync(
        TestGateway gateway, string name, int port, HttpMethod? verb = null, string host = "127.0.0.1", HttpStatusCode expected = HttpStatusCode.Accepted) =>
        gateway.SystemAsync(verb ?? HttpMethod.Post, "functions", new { service = name, envProcess = HttpFunction.Command, envVars = Variables(name, port, host) }, expected);

    // Whose process answers a call of the function; null if none does for now.
    private static async Task<string?> OwnerAsync(TestGateway gateway, string name)
    {
        using var answer = await gateway.PostAsync($"/function/{name}/env", "");
        var text = await answer.Content.ReadAsStringAsync();
        return answer.StatusCode == HttpStatusCode.ServiceUnavailable
            ? null
            : text.Split('\n').FirstOrDefault(line => line.StartsWith("own=", StringComparison.Ordinal))?[4..] ?? $"{(int)answer.StatusCode} {text}";
    }

    private static Task<string> AnsweredByAsync(TestGateway gateway, string name) => Eventually.GetAsync(() => OwnerAsync(gateway, name), $"{name} is answered");
}
