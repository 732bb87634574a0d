using System.Globalization;
using Connectors.Testing;

namespace Connectors.Charts.Tests;

/// <summary>Rendered environments doing their job against local servers; only addresses and ports are put right for this machine.</summary>
public sealed class ReleasesTests : IDisposable
{
    private readonly RenderedEnvironment _rendered = new();

    [Fact]
    public async Task Two_queue_worker_releases_take_only_their_own_calls()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var function = await HttpLedger.StartAsync();
        await using var gateway = await GatewayAsync(nats, function);
        using var http = new HttpClient(new SocketsHttpHandler());

        using var toA = await http.PostAsync(new Uri(gateway.Api, "/async-function/fa"), new StringContent("a"));
        using var toB = await http.PostAsync(new Uri(gateway.Api, "/async-function/fb"), new StringContent("b"));
        await using var workerA = await WorkerAsync("queue-a", nats, gateway);
        await function.ReceivesAsync(1);
        await Eventually.HoldsAsync(async () => await ProcessedAsync(workerA, "queue-a") == 1, "worker a has settled its call");
        var beforeB = function.Requests.Select(r => r.Text).ToList();
        await using var workerB = await WorkerAsync("queue-b", nats, gateway);
        await function.ReceivesAsync(2);
        await Eventually.HoldsAsync(async () => await ProcessedAsync(workerB, "queue-b") == 1, "worker b has settled its call");

        Assert.Equal(202, (int)toA.StatusCode);
        Assert.Equal(202, (int)toB.StatusCode);
        Assert.Equal(["a"], beforeB);
        Assert.Equal(["a", "b"], function.Requests.Select(r => r.Text));
    }

    public void Dispose() => _rendered.Dispose();

    private static Task<double?> ProcessedAsync(ServiceProcess worker, string queue) =>
        worker.MetricAsync($"queue_worker_messages_processed_total{{queue_name=\"{queue}\"}}");

    private static string Port(int port) => port.ToString(CultureInfo.InvariantCulture);

    private async Task<ServiceProcess> WorkerAsync(string queue, NatsServer nats, ServiceProcess gateway)
    {
        var manifests = await Helm.TemplateAsync(
            "queue-worker", queue, $"queueName={queue}", "maxInflight=5", "nats.host=127.0.0.1", $"nats.port={Port(nats.Port)}",
            "gateway.host=http://127.0.0.1", $"gateway.port={Port(gateway.Api.Port)}");
        return await ServiceProcess.StartAsync("QueueWorker", _rendered.OnThisMachine(manifests));
    }

    private async Task<ServiceProcess> GatewayAsync(NatsServer nats, HttpLedger function)
    {
        var manifests = await Helm.TemplateAsync(
            "gateway", "front", "nats.host=127.0.0.1", $"nats.port={Port(nats.Port)}",
            "functions.fa.image=x", $"functions.fa.environment.upstream_url={function.Url}", "functions.fa.annotations.com\\.openfaas\\.queue=queue-a",
            "functions.fb.image=x", $"functions.fb.environment.upstream_url={function.Url}", "functions.fb.annotations.com\\.openfaas\\.queue=queue-b");
        return await ServiceProcess.StartAsync("Gateway", _rendered.OnThisMachine(manifests));
    }
}
