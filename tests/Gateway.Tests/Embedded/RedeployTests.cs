using System.Globalization;
using System.Net;
using Connectors.Testing;

namespace Connectors.Gateway.Tests.Embedded;

/// <summary>Calls while their function is replaced, put to sleep and woken.</summary>
public sealed class RedeployTests(ProviderFixture fixture) : IClassFixture<ProviderFixture>
{
    private readonly TestGateway _gateway = fixture.Embedded;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task No_call_fails_while_a_staying_function_is_replaced(bool hasFixedPort)
    {
        var name = hasFixedPort ? "replaced-fixed" : "replaced";
        var port = FreePort.Next().ToString(CultureInfo.InvariantCulture);
        var environment = hasFixedPort
            ? new Dictionary<string, string> { ["mode"] = "http", ["upstream_url"] = $"http://127.0.0.1:{port}" }
            : new Dictionary<string, string> { ["mode"] = "http" };
        var command = hasFixedPort ? $"{HttpFunction.Command} {port}" : HttpFunction.Command;
        await _gateway.DeployAsync(name, command, environment: environment);
        using var first = await _gateway.PostAsync($"/function/{name}/x", "hi");
        using var stop = new CancellationTokenSource();
        var statuses = new List<HttpStatusCode>();
        var calling = CallAsync();

        for (var i = 0; i < 3; i++)
        {
            var seen = statuses.Count;
            environment["round"] = i.ToString(CultureInfo.InvariantCulture);
            await _gateway.SystemAsync(HttpMethod.Put, "functions", new { service = name, image = "x", envProcess = command, envVars = environment }, HttpStatusCode.Accepted);
            await Eventually.HoldsAsync(() => statuses.Count >= seen + 5, "calls went on");
        }

        await stop.CancelAsync();
        await calling;
        Assert.All(statuses, status => Assert.Equal(HttpStatusCode.OK, status));
        await Eventually.HoldsAsync(() => HttpFunction.Running(_gateway, name) == 1, "one process is left");

        async Task CallAsync()
        {
            while (!stop.IsCancellationRequested)
            {
                using var answer = await _gateway.PostAsync($"/function/{name}/x", "hi");
                statuses.Add(answer.StatusCode);
            }
        }
    }

    // The second takes its turn while the first still waits for the process that has the port.
    [Fact]
    public async Task No_call_fails_while_a_function_on_a_port_is_replaced_twice_before_its_process_has_ended()
    {
        var port = FreePort.Next().ToString(CultureInfo.InvariantCulture);
        var environment = new Dictionary<string, string> { ["mode"] = "http", ["upstream_url"] = $"http://127.0.0.1:{port}", ["write_timeout"] = "3s", ["ignore_term"] = "1" };
        var command = $"{HttpFunction.Command} {port}";
        await _gateway.DeployAsync("twice", command, environment: environment);
        using var hanging = await RawHttp.ConnectAsync(_gateway.Api);
        await hanging.SendAsync("GET /function/twice/hang HTTP/1.1\r\nHost: x\r\n\r\n");
        await Eventually.HoldsAsync(() => HttpFunction.Running(_gateway, "twice") == 2, "the call runs");

        foreach (var round in (string[])["first", "second"])
        {
            environment["round"] = round;
            await _gateway.SystemAsync(HttpMethod.Put, "functions", new { service = "twice", envProcess = command, envVars = environment }, HttpStatusCode.Accepted);
        }

        var calls = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => _gateway.PostAsync("/function/twice/env", "")));
        foreach (var call in calls)
        {
            Assert.Equal(HttpStatusCode.OK, call.StatusCode);
            Assert.Contains("round=second", await call.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        await Eventually.HoldsAsync(() => HttpFunction.Running(_gateway, "twice") == 1, "one process is left");
    }

    [Fact]
    public async Task A_call_of_a_replaced_forked_function_ends_as_it_began()
    {
        var gate = Path.Combine(Path.GetTempPath(), $"gate-{Guid.NewGuid():N}");
        await _gateway.DeployAsync("forked", $"sh -c 'until test -e {gate}; do sleep 0.02; done; cat' {gate}", environment: new { write_timeout = "1ms" });
        var call = _gateway.PostAsync("/function/forked", "old");
        await Eventually.HoldsAsync(() => Processes.With(gate) > 0, "the call runs");

        await _gateway.SystemAsync(HttpMethod.Put, "functions", new { service = "forked", envProcess = "echo new" }, HttpStatusCode.Accepted);
        using var next = await _gateway.PostAsync("/function/forked", "");
        await File.WriteAllTextAsync(gate, "");
        using var answer = await call;

        Assert.Equal("new\n", await next.Content.ReadAsStringAsync());
        Assert.Equal("old", await answer.Content.ReadAsStringAsync());
        File.Delete(gate);
    }

    [Fact]
    public async Task A_call_wakes_the_function_as_it_is_now()
    {
        await _gateway.DeployAsync("sleeper", HttpFunction.Command, environment: new { mode = "http" });
        for (var i = 0; i < 5; i++)
        {
            await _gateway.SystemAsync(HttpMethod.Post, "scale-function/sleeper", new { replicas = 0 }, HttpStatusCode.Accepted);
            var redeploying = _gateway.SystemAsync(
                HttpMethod.Put, "functions", new { service = "sleeper", envProcess = HttpFunction.Command, envVars = new { mode = "http", round = $"{i}" } }, HttpStatusCode.Accepted);
            var calls = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => _gateway.PostAsync("/function/sleeper/x", "hi")));

            await redeploying;
            Assert.All(calls, call => Assert.Equal(HttpStatusCode.OK, call.StatusCode));
            var listed = await _gateway.SystemJsonAsync("function/sleeper");
            Assert.Equal($"{i}", (string?)listed["envVars"]!["round"]);
        }
    }

    [Fact]
    public async Task One_function_that_ends_slowly_keeps_no_other_waiting()
    {
        await _gateway.DeployAsync("slow", HttpFunction.Command, environment: new { mode = "http", write_timeout = "1h" });
        using var hanging = await RawHttp.ConnectAsync(_gateway.Api);
        await hanging.SendAsync("GET /function/slow/hang HTTP/1.1\r\nHost: x\r\nX-Timeout: 1h\r\n\r\n");
        await Eventually.HoldsAsync(() => HttpFunction.Running(_gateway, "slow") == 2, "the call runs");

        // Its process may take an hour; the deletion waits for it, and nothing else does.
        var deleting = _gateway.SystemAsync(HttpMethod.Delete, "functions", new { functionName = "slow" }, HttpStatusCode.Accepted);
        await _gateway.DeployAsync("quick", "cat");
        using var answer = await _gateway.PostAsync("/function/quick", "hi");

        Assert.Equal("hi", await answer.Content.ReadAsStringAsync());
        Assert.False(deleting.IsCompleted);
        hanging.Dispose();
        await deleting;
    }

    [Fact]
    public async Task A_function_whose_deletion_waits_for_a_call_can_be_deployed_again_and_keeps_what_it_is_given()
    {
        await _gateway.SystemAsync(HttpMethod.Post, "secrets", new { name = "again", value = "first" }, HttpStatusCode.Accepted);
        await DeployAsync();
        using var hanging = await RawHttp.ConnectAsync(_gateway.Api);
        await hanging.SendAsync("GET /function/again/hang HTTP/1.1\r\nHost: x\r\nX-Timeout: 1h\r\n\r\n");
        await Eventually.HoldsAsync(() => HttpFunction.Running(_gateway, "again") == 2, "the call runs");
        var deleting = _gateway.SystemAsync(HttpMethod.Delete, "functions", new { functionName = "again" }, HttpStatusCode.Accepted);
        await Eventually.HoldsAsync(
            async () => (await _gateway.SystemAsync(HttpMethod.Get, "function/again", expected: HttpStatusCode.NotFound)).Length > 0, "it is deleted");

        await DeployAsync();
        Assert.Equal("first", await SecretAsync());
        await _gateway.SystemAsync(HttpMethod.Put, "secrets", new { name = "again", value = "second" }, HttpStatusCode.Accepted);
        Assert.Equal("second", await SecretAsync());
        Assert.False(deleting.IsCompleted);

        hanging.Dispose();
        await deleting;
        await _gateway.SystemAsync(HttpMethod.Post, "scale-function/again", new { replicas = 0 }, HttpStatusCode.Accepted);
        Assert.Equal("second", await SecretAsync());

        Task DeployAsync() => _gateway.SystemAsync(
            HttpMethod.Post,
            "functions",
            new { service = "again", envProcess = HttpFunction.Command, envVars = new { mode = "http", write_timeout = "1h" }, secrets = new[] { "again" } },
            HttpStatusCode.Accepted);

        async Task<string> SecretAsync()
        {
            using var answer = await _gateway.PostAsync("/function/again/secrets", "");
            return await answer.Content.ReadAsStringAsync();
        }
    }
}
