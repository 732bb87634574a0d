using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.Charts.Tests;

/// <summary>The exchange of docs/migration.md, step by step, there and back: two systems with a gateway, workers and a NATS server each, over the same functions.</summary>
public sealed class ExchangeTests : IDisposable
{
    private const string Queue = "faas-request";

    private readonly DirectoryInfo _state = Directory.CreateTempSubdirectory("exchange-");
    private readonly ConcurrentDictionary<string, int> _sends = new();
    private readonly ConcurrentBag<string> _succeeded = [];

    // Where callers are led; null while it is closed.
    private Uri? _ingress;
    private int _calls;

    [Fact]
    public async Task Every_call_ends_once_and_none_uses_up_its_attempts()
    {
        // Each call fails once and waits for its second send, so that the queue holds retries whenever the ingress is closed.
        await using var function = await HttpLedger.StartAsync((request, http) =>
        {
            if (_sends.AddOrUpdate(request.Text, 1, (_, sends) => sends + 1) == 1)
            {
                http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            }
            else
            {
                _succeeded.Add(request.Text);
            }

            return Task.CompletedTask;
        });
        await using var oldNats = await NatsServer.StartAsync();
        await using var newNats = await NatsServer.StartAsync();
        await using var oldGateway = await GatewayAsync("old", oldNats, function);
        await using var oldWorker = await WorkerAsync(oldNats, oldGateway);
        _ingress = oldGateway.Api;
        await CallAsync(20);

        // 1: ours beside it. 3 and 4: the ingress is closed, the old gateway stays until its streams are empty. 5: the ingress leads to ours.
        await using var newGateway = await GatewayAsync("new", newNats, function);
        await using var newWorker = await WorkerAsync(newNats, newGateway);
        await CallAsync(5);
        _ingress = null;
        await IsEmptyAsync(oldGateway);
        _ingress = newGateway.Api;
        await CallAsync(20);

        // 6, and back the same way.
        Assert.Equal(0, await oldWorker.TerminateAsync());
        Assert.Equal(0, await oldGateway.TerminateAsync());
        await CallAsync(5);
        _ingress = null;
        await IsEmptyAsync(newGateway);
        await oldGateway.StartAgainAsync();
        await oldWorker.StartAgainAsync();
        _ingress = oldGateway.Api;
        await CallAsync(5);
        await IsEmptyAsync(oldGateway);

        Assert.Equal(Enumerable.Range(1, 55).Select(Text).Order(), _succeeded.Order());
        Assert.All(_sends, call => Assert.Equal(2, call.Value));
        Assert.Equal((0, 0), (await NumberAsync(oldGateway, "dead"), await NumberAsync(newGateway, "dead")));
    }

    public void Dispose() => _state.Delete(recursive: true);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private async Task CallAsync(int count)
    {
        using var http = new HttpClient(new SocketsHttpHandler());
        for (var i = 0; i < count; i++)
        {
            using var answer = await http.PostAsync(new Uri(_ingress!, "/async-function/f"), new StringContent(Text(++_calls)));
            Assert.Equal(202, (int)answer.StatusCode);
        }
    }

    private async Task IsEmptyAsync(ServiceProcess gateway) =>
        await Eventually.HoldsAsync(async () => await NumberAsync(gateway, "calls") == 0 && await NumberAsync(gateway, "callbacks") == 0, "the queue is empty");

    private async Task<int> NumberAsync(ServiceProcess gateway, string name)
    {
        using var http = new HttpClient(new SocketsHttpHandler());
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes("admin:p")));
        using var queue = JsonDocument.Parse(await http.GetStringAsync(new Uri(gateway.Api, $"/system/queues/{Queue}")));
        return queue.RootElement.GetProperty(name).GetInt32();
    }

    private async Task<ServiceProcess> GatewayAsync(string name, NatsServer nats, HttpLedger function)
    {
        var folder = _state.CreateSubdirectory(name).FullName;
        var secrets = Directory.CreateDirectory(Path.Combine(folder, "secrets")).FullName;
        await File.WriteAllTextAsync(Path.Combine(secrets, "basic-auth-user"), "admin");
        await File.WriteAllTextAsync(Path.Combine(secrets, "basic-auth-password"), "p");
        var functions = Path.Combine(folder, "functions.yaml");
        await File.WriteAllTextAsync(functions, $"functions:\n  f:\n    image: x\n    environment:\n      upstream_url: {function.Url}\n    annotations:\n      com.openfaas.retry.min_wait: 1s\n      com.openfaas.retry.attempts: \"3\"\n");
        return await ServiceProcess.StartAsync("Gateway", new Dictionary<string, string>
        {
            ["faas_nats_address"] = "127.0.0.1",
            ["faas_nats_port"] = Text(nats.Port),
            ["functions_path"] = functions,
            ["data_path"] = Path.Combine(folder, "data"),
            ["nats_publish_timeout"] = "20s",
            ["secret_mount_path"] = secrets,
        });
    }

    private static Task<ServiceProcess> WorkerAsync(NatsServer nats, ServiceProcess gateway) => ServiceProcess.StartAsync("QueueWorker", new Dictionary<string, string>
    {
        ["nats_host"] = "127.0.0.1",
        ["nats_port"] = Text(nats.Port),
        ["gateway_url"] = gateway.Api.AbsoluteUri.TrimEnd('/'),
        ["max_inflight"] = "5",
    });
}
