using System.Globalization;
using System.Text.RegularExpressions;
using Connectors.Testing;

namespace Connectors.EndToEnd.Tests;

/// <summary>
/// What <c>./up</c> starts, on other ports, once for all pages that are typed over it; a broker when the first page names its port.
/// </summary>
public sealed partial class DocumentedSystem : IAsyncDisposable
{
    private const string Samples = "samples/functions/functions.yaml";
    private const string NatsPassword = "for-the-pages";

    private static readonly Dictionary<string, string> NatsLogin = new() { ["nats_user_file"] = "nats-user", ["nats_password_file"] = "nats-password" };

    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("documented-");
    private readonly Dictionary<string, string> _ports = [];
    private readonly List<IAsyncDisposable> _started = [];
    private ApacheKafka? _kafka;
    private RabbitMqServer? _rabbitMq;
    private Pipeline? _pipeline;
    private ServiceProcess? _cron;

    private string Pids => Path.Combine(_home.FullName, "pids");

    /// <summary>The system, started if it is not yet.</summary>
    public async Task<Pipeline> StartedAsync()
    {
        if (_pipeline is not { } pipeline)
        {
            // As a user of their own, functions could not start a Python that only ours may.
            _pipeline = pipeline = await KeepAsync(Pipeline.StartAsync(
                stack: Path.Combine(Tools.RepositoryRoot, Samples),
                gateway: new Dictionary<string, string>(NatsLogin) { ["function_isolation"] = "none" },
                worker: NatsLogin,
                nats: await KeepAsync(NatsServer.StartAsync($"authorization {{ user: connectors, password: {NatsPassword}, timeout: 30 }}")),
                secrets: new Dictionary<string, string> { ["nats-user"] = "connectors", ["nats-password"] = NatsPassword }));
            _cron = await KeepAsync(ServiceProcess.StartAsync("CronConnector", new Dictionary<string, string>(NatsLogin)
            {
                ["gateway_url"] = pipeline.Gateway.Api.ToString(),
                ["nats_host"] = "127.0.0.1",
                ["nats_port"] = Text(pipeline.Nats.Port),
                ["rebuild_interval"] = "1s",
                ["basic_auth"] = "true",
                ["secret_mount_path"] = pipeline.Secrets,
            }));
        }

        // A page may have ended it.
        if (_cron is { Process.HasExited: true })
        {
            await _cron.StartAgainAsync();
        }

        await File.WriteAllTextAsync(Pids, $"cron-connector {_cron?.Process.Id} 0\n");

        return pipeline;
    }

    /// <summary>A page's text with the ports and places of this system for those of <c>./up</c>.</summary>
    public async Task<string> HereAsync(string text, Pipeline pipeline)
    {
        foreach (var port in Port().Matches(text).Select(match => match.Value).Distinct().Except(_ports.Keys).ToList())
        {
            _ports[port] = port switch
            {
                "8080" => "",
                "9092" => (await KafkaAsync()).BootstrapServers.Split(':')[1],
                "2181" => (await KafkaAsync()).ZooKeeperPort,
                "4566" => Text((await KeepAsync(SqsServer.StartAsync())).Port),
                "5672" => Text((await RabbitMqAsync()).Port),
                "15672" => Text((await RabbitMqAsync()).ManagementPort),
                _ => Text(FreePort.Next()),
            };
        }

        text = Port().Replace(text, match => match.Value switch
        {
            "8080" => Text(pipeline.Gateway.Api.Port),
            "8081" => Text(pipeline.Worker.Metrics.Port),
            "8082" => Text(pipeline.Gateway.Metrics.Port),
            "4222" => Text(pipeline.Nats.Port),
            _ => _ports[match.Value],
        });
        return text
            .Replace("/tmp/", _home.FullName + "/", StringComparison.Ordinal)
            .Replace(".run/secrets", pipeline.Secrets, StringComparison.Ordinal)
            .Replace(".run/pids", Pids, StringComparison.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var one in Enumerable.Reverse(_started))
        {
            await one.DisposeAsync();
        }

        _home.Delete(recursive: true);
    }

    private async Task<ApacheKafka> KafkaAsync() => _kafka ??= await KeepAsync(ApacheKafka.StartAsync());

    private async Task<RabbitMqServer> RabbitMqAsync() => _rabbitMq ??= await KeepAsync(RabbitMqServer.StartWithManagementAsync());

    private async Task<T> KeepAsync<T>(Task<T> starting)
        where T : IAsyncDisposable
    {
        var started = await starting;
        _started.Add(started);
        return started;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    // Those of ./up, and those that pages give to what they start: 8000, 8090 to 8099.
    [GeneratedRegex(@"(?<![\w.-])(?:8080|8081|8082|8000|809\d|4222|9092|2181|4566|5672|15672)(?![\w.-])")]
    private static partial Regex Port();
}
