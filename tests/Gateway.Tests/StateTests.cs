using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Connectors.Testing;

namespace Connectors.Gateway.Tests;

/// <summary>What was answered with success is there after any end of the gateway.</summary>
public sealed class StateTests
{
    [Fact]
    public async Task After_kills_among_deploys_the_list_is_what_was_answered()
    {
        await using var gateway = await TestGateway.StartAsync();
        var answered = new ConcurrentBag<string>();
        var inFlight = new ConcurrentBag<string>();
        var next = 0;
        var deployers = Enumerable.Range(0, 4).Select(async _ =>
        {
            while (answered.Count < 200)
            {
                var name = $"fn-{Interlocked.Increment(ref next).ToString(CultureInfo.InvariantCulture)}";
                try
                {
                    await gateway.DeployAsync(name, "cat");
                    answered.Add(name);
                }
                catch (HttpRequestException)
                {
                    inFlight.Add(name);
                    await Eventually.HoldsAsync(async () => (await gateway.Http.GetAsync(new Uri(gateway.Api, "/healthz"))).IsSuccessStatusCode, "the gateway is back");
                }
            }
        }).ToList();

        foreach (var count in new[] { 40, 90, 150 })
        {
            await Eventually.HoldsAsync(() => answered.Count >= count, () => $"{count} are deployed; there are {answered.Count}");
            await gateway.Process.KillAsync();
            await gateway.Process.StartAgainAsync();
        }

        await Task.WhenAll(deployers);
        await gateway.Process.KillAsync();
        await gateway.Process.StartAgainAsync();
        var listed = (await gateway.SystemJsonAsync("functions")).AsArray().Select(f => (string)f!["name"]!).ToList();

        Assert.Empty(answered.Except(listed));
        Assert.Empty(listed.Except(answered).Except(inFlight));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(gateway.DataPath, "functions"), "*.new", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task Replicas_that_a_function_cannot_have_are_not_taken_from_the_disk()
    {
        await using var gateway = await TestGateway.StartAsync();
        var port = FreePort.Next().ToString(CultureInfo.InvariantCulture);
        await gateway.DeployAsync("fixed", $"{HttpFunction.Command} {port}", environment: new { mode = "http", upstream_url = $"http://127.0.0.1:{port}" });
        await gateway.Process.KillAsync();
        await Eventually.HoldsAsync(() => HttpFunction.Running(gateway, "fixed") == 0, "its port is free");
        var path = Path.Combine(gateway.DataPath, "functions", "openfaas-fn", "fixed.json");
        var definition = JsonNode.Parse(await File.ReadAllTextAsync(path))!;
        definition["replicas"] = 3;
        definition["deployment"]!["labels"] = new JsonObject { ["com.openfaas.scale.min"] = "3" };
        await File.WriteAllTextAsync(path, definition.ToJsonString());
        await gateway.Process.StartAgainAsync();

        using var answer = await gateway.PostAsync("/function/fixed/x", "hi");
        Assert.Equal("POST /x hi", await answer.Content.ReadAsStringAsync());
        Assert.Equal(1, (int?)(await gateway.SystemJsonAsync("function/fixed"))["replicas"]);

        await gateway.SystemAsync(HttpMethod.Post, "scale-function/fixed", new { replicas = 0 }, HttpStatusCode.Accepted);
        using var woken = await gateway.PostAsync("/function/fixed/x", "hi");
        Assert.Equal("POST /x hi", await woken.Content.ReadAsStringAsync());
        Assert.Equal(1, (int?)(await gateway.SystemJsonAsync("function/fixed"))["replicas"]);
    }

    [Fact]
    public async Task Processes_end_with_a_killed_gateway_and_come_back_with_the_next()
    {
        await using var gateway = await TestGateway.StartAsync();
        await gateway.DeployAsync("stays", HttpFunction.Command, environment: new { mode = "http" });
        var mark = Processes.Mark();
        await gateway.DeployAsync("forked", $"sleep {mark}");
        using var running = await RawHttp.ConnectAsync(gateway.Api);
        await running.SendAsync("GET /function/forked HTTP/1.1\r\nHost: x\r\n\r\n");
        using var before = await gateway.PostAsync("/function/stays/born", "");
        await Eventually.HoldsAsync(() => Processes.With(mark) > 0, "the call runs");

        await gateway.Process.KillAsync();
        await Eventually.HoldsAsync(() => Processes.With(mark) == 0 && HttpFunction.Running(gateway, "stays") == 0, "no process is left");
        await gateway.Process.StartAgainAsync();
        using var after = await gateway.PostAsync("/function/stays/born", "");

        Assert.Equal(HttpStatusCode.OK, after.StatusCode);
        Assert.NotEqual(await before.Content.ReadAsStringAsync(), await after.Content.ReadAsStringAsync());
        Assert.Equal(0, await gateway.Process.TerminateAsync());
        Assert.Equal(0, HttpFunction.Running(gateway, "stays"));
    }

    [Fact]
    public async Task What_a_killed_gateway_did_not_remove_of_a_deleted_function_is_removed_at_the_next_start()
    {
        await using var gateway = await TestGateway.StartAsync();
        await gateway.SystemAsync(HttpMethod.Post, "secrets", new { name = "token", value = "v" }, HttpStatusCode.Accepted);
        await DeployAsync("gone", new { mode = "http", write_timeout = "1h" });
        await DeployAsync("stays", new { mode = "http" });
        var brought = Path.Combine(Directory.CreateDirectory(PathOf("work", "brought")).FullName, "file");
        await File.WriteAllTextAsync(brought, "");
        var unreadable = PathOf("functions", "half.json");
        await File.WriteAllTextAsync(unreadable, "{");
        var half = Directory.CreateDirectory(PathOf("mounts", "half")).FullName;
        using var hanging = await RawHttp.ConnectAsync(gateway.Api);
        await hanging.SendAsync("GET /function/gone/hang HTTP/1.1\r\nHost: x\r\nX-Timeout: 1h\r\n\r\n");
        await Eventually.HoldsAsync(() => HttpFunction.Running(gateway, "gone") == 2 && File.Exists(PathOf("logs", "gone.log")), "the call runs");

        var deleting = gateway.SystemAsync(HttpMethod.Delete, "functions", new { functionName = "gone" }, HttpStatusCode.Accepted);
        await Eventually.HoldsAsync(() => !File.Exists(PathOf("functions", "gone.json")), "its definition is removed");
        await gateway.Process.KillAsync();
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => deleting);
        Assert.True(Directory.Exists(PathOf("mounts", "gone")));
        await gateway.Process.StartAgainAsync();

        foreach (var folder in (string[])["mounts", "work", "views"])
        {
            Assert.False(Path.Exists(PathOf(folder, "gone")), folder);
            Assert.True(Path.Exists(PathOf(folder, "stays")), folder);
        }

        Assert.False(File.Exists(PathOf("logs", "gone.log")));
        Assert.True(File.Exists(brought));
        Assert.True(File.Exists(unreadable));
        Assert.True(Directory.Exists(half));

        string PathOf(string folder, string name) => Path.Combine(gateway.DataPath, folder, "openfaas-fn", name);

        Task DeployAsync(string name, object environment) => gateway.SystemAsync(
            HttpMethod.Post, "functions", new { service = name, envProcess = HttpFunction.Command, envVars = environment, secrets = new[] { "token" } }, HttpStatusCode.Accepted);
    }
}
