using System.Globalization;
using System.Net;
using Connectors.Testing;

namespace Connectors.Gateway.Tests.Scaling;

/// <summary>The embedded provider's functions, scaled by what waits in their queue; with a real queue-worker.</summary>
public sealed class FunctionScalerTests : IAsyncLifetime
{
    private readonly string _gate = Path.Combine(Path.GetTempPath(), $"gate-{Guid.NewGuid():N}");
    private NatsServer _nats = null!; // set before each test
    private TestGateway _gateway = null!; // set before each test

    public async ValueTask InitializeAsync()
    {
        _nats = await NatsServer.StartAsync();
        _gateway = await TestGateway.StartAsync(_nats);
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _nats.DisposeAsync();
        File.Delete(_gate);
    }

    [Fact]
    public async Task To_zero_when_idle_out_by_what_waits_and_to_zero_again_with_every_call_answered()
    {
        const int Calls = 5;
        await DeployAsync("deep", ("type", "queue"), ("target", "2"), ("target-proportion", "1"), ("max", "3"), ("zero", "true"), ("zero-duration", "1s"));
        await DeployAsync("usual");
        await ReplicasAsync("deep", 0);
        await Eventually.HoldsAsync(() => HttpFunction.Running(_gateway, "deep") == 0, "no process is left");

        // Nobody takes the calls: what wakes the function is their number.
        for (var i = 0; i < Calls; i++)
        {
            using var accepted = await _gateway.PostAsync($"/async-function/deep/until{_gate}", "");
            Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
        }

        await ReplicasAsync("deep", 3);
        await MetricAsync("gateway_function_waiting_calls{function_name=\"deep.openfaas-fn\"}", Calls);

        // Once they run none waits, and those that run them stay.
        await using var worker = await WorkerAsync();
        await MetricAsync("gateway_function_waiting_calls{function_name=\"deep.openfaas-fn\"}", 0);
        await ReplicasAsync("deep", 3);
        await File.WriteAllTextAsync(_gate, "");
        await MetricAsync("gateway_function_invocation_total{function_name=\"deep.openfaas-fn\",code=\"200\"}", Calls);
        await ReplicasAsync("deep", 0);

        // A look between two calls may have scaled it in two steps.
        Assert.InRange(await _gateway.Process.MetricAsync("gateway_function_scalings_total{function_name=\"deep.openfaas-fn\",direction=\"out\"}") ?? 0, 1, 3);
        Assert.NotEmpty(Lines("Function scaled by its queue"));
        await ReplicasAsync("usual", 1);

        await _gateway.SystemAsync(HttpMethod.Delete, "functions", new { functionName = "deep" }, HttpStatusCode.Accepted);
        await Eventually.HoldsAsync(
            async () => await _gateway.Process.MetricAsync("gateway_function_scalings_total{function_name=\"deep.openfaas-fn\",direction=\"out\"}") is null, "a deleted function has none");
    }

    [Fact]
    public async Task Replicas_that_a_function_cannot_have_are_said_once()
    {
        var port = FreePort.Next().ToString(CultureInfo.InvariantCulture);
        await DeployAsync("fixed", new { mode = "http", upstream_url = $"http://127.0.0.1:{port}" }, $"{HttpFunction.Command} {port}", ("type", "queue"), ("target", "1"), ("max", "2"));
        for (var i = 0; i < 3; i++)
        {
            using var accepted = await _gateway.PostAsync("/async-function/fixed", "");
        }

        await Eventually.HoldsAsync(() => Lines("Function not scaled").Any(), "it is said");
        await ReplicasAsync("fixed", 1);
        await using var worker = await WorkerAsync();
        await MetricAsync("gateway_function_invocation_total{function_name=\"fixed.openfaas-fn\",code=\"200\"}", 3);

        Assert.Contains("\"error\":\"", Assert.Single(Lines("Function not scaled")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_function_that_cannot_be_written_keeps_no_other_waiting_and_is_scaled_later()
    {
        (string, string)[] labels = [("type", "queue"), ("target", "1"), ("target-proportion", "1"), ("max", "3")];
        await DeployAsync("stuck", labels);
        await DeployAsync("free", labels);

        // Where its definition is to be written lies something else.
        var definition = Path.Combine(_gateway.DataPath, "functions", "openfaas-fn", "stuck.json");
        File.Delete(definition);
        Directory.CreateDirectory(Path.Combine(definition, "below"));
        foreach (var function in (string[])["stuck", "free", "stuck", "free"])
        {
            using var accepted = await _gateway.PostAsync($"/async-function/{function}", "");
        }

        await Eventually.HoldsAsync(() => Lines("Function not scaled").Any(), "it is said");
        await ReplicasAsync("free", 2);
        using (var more = await _gateway.PostAsync("/async-function/free", ""))
        {
            await ReplicasAsync("free", 3);
        }

        Assert.Contains("\"stuck.openfaas-fn\"", Assert.Single(Lines("Function not scaled")), StringComparison.Ordinal);
        Assert.Equal(0, await _gateway.Process.MetricAsync("service_duty_restarts_total{duty=\"function scaling\"}") ?? 0);
        await ReplicasAsync("stuck", 1);

        Directory.Delete(definition, recursive: true);
        await ReplicasAsync("stuck", 2);
    }

    // Its old calls are run by it as well, and are not to lose those that run them.
    [Fact]
    public async Task A_function_that_is_given_another_queue_is_scaled_by_its_calls_in_both()
    {
        (string, string)[] labels = [("type", "queue"), ("target", "1"), ("target-proportion", "1"), ("max", "5")];
        await DeployAsync("moved", labels);
        await CallAsync(3);
        await ReplicasAsync("moved", 3);

        await _gateway.SystemAsync(HttpMethod.Put, "functions", Deployment("moved", new { mode = "http" }, HttpFunction.Command, labels, queue: "next"), HttpStatusCode.Accepted);
        await CallAsync(1);

        await MetricAsync("gateway_function_waiting_calls{function_name=\"moved.openfaas-fn\"}", 4);
        await ReplicasAsync("moved", 4);

        async Task CallAsync(int count)
        {
            for (var i = 0; i < count; i++)
            {
                using var accepted = await _gateway.PostAsync("/async-function/moved", "");
                Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
            }
        }
    }

    [Fact]
    public async Task A_label_that_cannot_be_meant_is_refused_by_name()
    {
        var refusal = await _gateway.SystemAsync(
            HttpMethod.Post,
            "functions",
            new { service = "odd", image = "none", envProcess = "cat", labels = new Dictionary<string, string> { ["com.openfaas.scale.target"] = "lots" } },
            HttpStatusCode.BadRequest);

        Assert.Contains("labels.com.openfaas.scale.target: \"lots\"", refusal, StringComparison.Ordinal);
    }

    private Task<string> DeployAsync(string name, params (string Name, string Value)[] labels) => DeployAsync(name, new { mode = "http" }, HttpFunction.Command, labels);

    private Task<string> DeployAsync(string name, object environment, string command, params (string Name, string Value)[] labels) =>
        _gateway.SystemAsync(HttpMethod.Post, "functions", Deployment(name, environment, command, labels), HttpStatusCode.Accepted);

    private static object Deployment(string name, object environment, string command, (string Name, string Value)[] labels, string? queue = null) => new
    {
        service = name,
        image = "none",
        envProcess = command,
        envVars = environment,
        labels = labels.ToDictionary(label => "com.openfaas.scale." + label.Name, label => label.Value),
        annotations = queue is null ? null : new Dictionary<string, string> { ["com.openfaas.queue"] = queue },
    };

    private IEnumerable<string> Lines(string message) => _gateway.Process.Process.Lines.Where(line => line.Contains(message, StringComparison.Ordinal));

    private Task ReplicasAsync(string function, int expected) => Eventually.HoldsAsync(
        async () => ((int?)(await _gateway.SystemJsonAsync($"function/{function}"))["replicas"] ?? 0) == expected, $"{function} has {expected} replicas");

    private Task MetricAsync(string sample, double expected) =>
        Eventually.HoldsAsync(async () => await _gateway.Process.MetricAsync(sample) == expected, $"{sample} is {expected}");

    private Task<ServiceProcess> WorkerAsync() => ServiceProcess.StartAsync("QueueWorker", new Dictionary<string, string>
    {
        ["nats_host"] = "127.0.0.1",
        ["nats_port"] = _nats.Port.ToString(CultureInfo.InvariantCulture),
        ["gateway_url"] = _gateway.Api.AbsoluteUri,
        ["max_inflight"] = "10",
        ["ack_wait"] = "10s",
    });
}
