using System.Net;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.Gateway.Tests;

/// <summary>Calls that are accepted although nobody has said that there is such a function: their envelopes tell.</summary>
public sealed class UnlistedCallTests
{
    [Fact]
    public async Task They_are_those_of_names_that_the_provider_could_not_be_asked_for_or_has_in_another_namespace()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var provider = await HttpLedger.StartAsync((request, http) =>
        {
            // One that passes over the namespace.
            http.Response.StatusCode = request.Path is "/system/namespaces" or "/system/functions" or "/system/function/work" ? 200 : 404;
            return request.Path switch
            {
                "/system/namespaces" => http.Response.WriteAsync("[\"openfaas-fn\"]"),
                "/system/functions" => http.Response.WriteAsync("[{\"name\":\"work\",\"namespace\":\"openfaas-fn\"}]"),
                "/system/function/work" => http.Response.WriteAsync("{\"name\":\"work\",\"namespace\":\"openfaas-fn\"}"),
                _ => Task.CompletedTask,
            };
        });
        await using var gateway = await TestGateway.StartAsync(nats, ("functions_provider_url", provider.Url.AbsoluteUri), ("basic_auth", "true"));
        await using var stored = new StoredCalls(nats);

        Assert.False(await IsUnlistedAsync("work"));
        Assert.True(await IsUnlistedAsync("work.other"));
        await Eventually.HoldsAsync(async () => await gateway.Process.MetricAsync("gateway_service_count{function_name=\"work.openfaas-fn\"}") is not null, "the list was read");
        await provider.StopAsync();

        Assert.False(await IsUnlistedAsync("work"));
        Assert.True(await IsUnlistedAsync("work.other"));
        Assert.True(await IsUnlistedAsync("internal.other"));

        async Task<bool> IsUnlistedAsync(string function)
        {
            using var answer = await gateway.PostAsync($"/async-function/{function}", "");
            Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
            return (await stored.LastAsync()).Envelope.IsUnlisted;
        }
    }

    [Fact]
    public async Task The_embedded_providers_functions_are_listed()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats);
        await using var stored = new StoredCalls(nats);
        await gateway.DeployAsync("echo", "cat");

        using var answer = await gateway.PostAsync("/async-function/echo", "hi");

        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        Assert.False((await stored.LastAsync()).Envelope.IsUnlisted);
    }
}
