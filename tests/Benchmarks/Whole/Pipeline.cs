using System.Globalization;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace Connectors.Benchmarks.Whole;

/// <summary>The real parts on this machine: nats-server with its file store, the gateway with its embedded provider, one function, and a worker when asked for.</summary>
internal sealed class Pipeline : IAsyncDisposable
{
    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("bench-");
    private readonly List<IAsyncDisposable> _parts = [];
    private NatsServer _nats = null!;

    internal FunctionService Function { get; private set; } = null!;

    internal ServiceProcess Gateway { get; private set; } = null!;

    internal static async Task<Pipeline> StartAsync()
    {
        var pipeline = new Pipeline();
        pipeline._nats = pipeline.Owns(await NatsServer.StartAsync());
        pipeline.Function = pipeline.Owns(await FunctionService.StartAsync());
        pipeline.Gateway = pipeline.Owns(await ServiceProcess.StartAsync("Gateway", await pipeline.GatewayOptionsAsync()));
        return pipeline;
    }

    internal async Task<ServiceProcess> StartWorkerAsync(int maxInflight) => Owns(await ServiceProcess.StartAsync("QueueWorker", new Dictionary<string, string>
    {
        ["nats_host"] = "127.0.0.1",
        ["nats_port"] = _nats.Port.ToString(CultureInfo.InvariantCulture),
        ["gateway_url"] = Gateway.Api.AbsoluteUri,
        ["max_inflight"] = maxInflight.ToString(CultureInfo.InvariantCulture),
    }));

    /// <summary>Calls in the queue, those being run included.</summary>
    internal async Task<long> StoredAsync()
    {
        await using var connection = new NatsConnection(new NatsOpts { Url = _nats.Url });
        var stream = await new NatsJSContext(connection).GetStreamAsync(StreamNames.Calls(StreamNames.DefaultQueue));
        return stream.Info.State.Messages;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var part in _parts.AsEnumerable().Reverse())
        {
            await part.DisposeAsync();
        }

        _home.Delete(recursive: true);
    }

    private async Task<Dictionary<string, string>> GatewayOptionsAsync()
    {
        await File.WriteAllTextAsync(Path.Combine(_home.FullName, "basic-auth-user"), "admin");
        await File.WriteAllTextAsync(Path.Combine(_home.FullName, "basic-auth-password"), "bench");
        var functions = Path.Combine(_home.FullName, "functions.yaml");
        await File.WriteAllTextAsync(functions, $"""
            functions:
              noop:
                image: bench/noop
                environment:
                  upstream_url: {Function.Url}
            """);
        return new Dictionary<string, string>
        {
            ["faas_nats_address"] = "127.0.0.1",
            ["faas_nats_port"] = _nats.Port.ToString(CultureInfo.InvariantCulture),
            ["functions_path"] = functions,
            ["data_path"] = Path.Combine(_home.FullName, "data"),
            ["secret_mount_path"] = _home.FullName,
        };
    }

    private T Owns<T>(T part)
        where T : IAsyncDisposable
    {
        _parts.Add(part);
        return part;
    }
}
