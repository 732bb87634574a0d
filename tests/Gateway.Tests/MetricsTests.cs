using System.Globalization;
using Connectors.Testing;

namespace Connectors.Gateway.Tests;

/// <summary>The names and labels that OpenFaaS's dashboards and scalers read.</summary>
public sealed class MetricsTests
{
    [Fact]
    public async Task Calls_functions_and_requests_are_counted_under_the_names_of_OpenFaaS()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats);
        await gateway.DeployAsync("counted", "cat", environment: new { a = "b" });
        for (var i = 0; i < 3; i++)
        {
            await gateway.PostAsync("/function/counted", "hi");
        }

        await gateway.PostAsync("/async-function/counted", "hi");
        foreach (var name in Enumerable.Range(0, 50))
        {
            await gateway.PostAsync($"/function/random-{name.ToString(CultureInfo.InvariantCulture)}", "");
        }

        await Eventually.HoldsAsync(async () => await gateway.Process.MetricAsync("""gateway_service_count{function_name="counted.openfaas-fn"}""") == 1, "the function is shown");
        Assert.Equal(3, await gateway.Process.MetricAsync("""gateway_function_invocation_total{function_name="counted.openfaas-fn",code="200"}"""));
        Assert.Equal(3, await gateway.Process.MetricAsync("""gateway_function_invocation_started{function_name="counted.openfaas-fn"}"""));
        Assert.Equal(0, await gateway.Process.MetricAsync("""gateway_function_invocation_inflight{function_name="counted.openfaas-fn"}"""));
        Assert.Equal(3, await gateway.Process.MetricAsync("""gateway_functions_seconds_count{function_name="counted.openfaas-fn",code="200"}"""));
        Assert.Equal(50, await gateway.Process.MetricAsync("""gateway_function_invocation_total{function_name="unknown",code="404"}"""));
        Assert.Equal(1, await gateway.Process.MetricAsync("""gateway_service_min{function_name="counted.openfaas-fn"}"""));
        Assert.Equal(50, await gateway.Process.MetricAsync("""gateway_service_target_load{function_name="counted.openfaas-fn",scaling_type="rps"}"""));
        Assert.Equal(1, await gateway.Process.MetricAsync("""http_requests_total{method="POST",path="/async-function",status="202"}"""));
        Assert.Equal(1, await gateway.Process.MetricAsync("""http_requests_total{method="POST",path="/system/functions",status="202"}"""));
        Assert.Equal(1, await gateway.Process.MetricAsync("""provider_http_requests_total{code="202",method="POST",path="/system/functions"}"""));
        Assert.Equal(1, await gateway.Process.MetricAsync("""gateway_async_requests_total{queue_name="faas-request",code="202"}"""));

        Assert.Empty(await Promtool.ObjectionsAsync(
            gateway.Process, "gateway_function_invocation_started", "gateway_service_count", "gateway_service_ready_count"));

        await gateway.SystemAsync(HttpMethod.Delete, "functions", new { functionName = "counted" }, System.Net.HttpStatusCode.Accepted);
        await Eventually.HoldsAsync(async () => await gateway.Process.MetricAsync("""gateway_service_count{function_name="counted.openfaas-fn"}""") is null, "a deleted function is gone");
    }
}
