using System.Globalization;
using System.Net;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.EndToEnd.Tests;

/// <summary>A worker that calls functions where they are, behind a gateway whose provider is away.</summary>
public sealed class DirectCallTests
{
    [Fact]
    public async Task Only_names_that_the_provider_has_listed_lead_the_worker_anywhere()
    {
        var secrets = Directory.CreateTempSubdirectory("direct-");
        await File.WriteAllTextAsync(Path.Combine(secrets.FullName, "basic-auth-user"), "admin");
        await File.WriteAllTextAsync(Path.Combine(secrets.FullName, "basic-auth-password"), "e2e");
        await using var nats = await NatsServer.StartAsync();
        await using var network = await HttpLedger.StartAsync();
        await using var provider = await HttpLedger.StartAsync((request, http) => request.Path switch
        {
            "/system/namespaces" => http.Response.WriteAsync("[\"openfaas-fn\"]"),
            "/system/functions" => http.Response.WriteAsync("[{\"name\":\"work\",\"namespace\":\"openfaas-fn\"}]"),
            _ => Task.CompletedTask,
        });
        await using var gateway = await ServiceProcess.StartAsync("Gateway", new Dictionary<string, string>
        {
            ["faas_nats_address"] = "127.0.0.1",
            ["faas_nats_port"] = nats.Port.ToString(CultureInfo.InvariantCulture),
            ["functions_provider_url"] = provider.Url.AbsoluteUri,
            ["basic_auth"] = "true",
            ["secret_mount_path"] = secrets.FullName,
            ["nats_publish_timeout"] = "60s",
        });
        await using var worker = await ServiceProcess.StartAsync("QueueWorker", new Dictionary<string, string>
        {
            ["nats_host"] = "127.0.0.1",
            ["nats_port"] = nats.Port.ToString(CultureInfo.InvariantCulture),
            ["gateway_url"] = gateway.Api.AbsoluteUri,
            ["direct_functions"] = "true",
            ["function_url"] = $"{network.Url}{{namespace}}/{{name}}",
        });
        await Eventually.HoldsAsync(async () => await gateway.MetricAsync("gateway_service_count{function_name=\"work.openfaas-fn\"}") is not null, "the list was read");
        await provider.StopAsync();

        await CallAsync("internal.other");
        await CallAsync("work");

        await network.ReceivesAsync(1, request => request.Path == "/openfaas-fn/work");
        await worker.Process.LineAsync(
            line => line.Contains(" Invoked ", StringComparison.Ordinal) && line.Contains("internal.other", StringComparison.Ordinal), "the other call was sent too, through the gateway");
        Assert.Equal(["/openfaas-fn/work"], network.Requests.Select(request => request.Path));
        secrets.Delete(recursive: true);

        async Task CallAsync(string function)
        {
            using var http = new HttpClient(new SocketsHttpHandler());
            using var body = new StringContent("");
            using var answer = await http.PostAsync(new Uri(gateway.Api, $"/async-function/{function}"), body);
            Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        }
    }
}
