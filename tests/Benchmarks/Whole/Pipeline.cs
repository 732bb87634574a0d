using System.Globalization;
using System.Text.RegularExpressions;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Benchmarks.Whole;

/// <summary>The real parts on this machine: nats-server with its file store, functions, and of one build the gateway and a worker as asked for.</summary>
internal sealed partial class Pipeline : IAsyncDisposable
{
    private const string Namespace = "openfaas-fn";
    private const int BodyBytes = 1024;
    private const int FillConcurrency = 128;

    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("bench-");
    private readonly List<IAsyncDisposable> _owned = [];
    private readonly List<Part> _parts = [];
    private readonly Build _build;
    private readonly int _functions;
    private NatsServer? _nats;
    private ChildProcess? _worker;

    private Pipeline(Build build, int functions) => (_build, _functions) = (build, functions);

    /// <summary>What is measured, in the order of a call's way.</summary>
    internal IReadOnlyList<Part> Parts => _parts;

    internal NativeFunction Function { get; private set; } = null!;

    internal Uri Gateway { get; private set; } = null!;

    internal string NatsUrl => _nats!.Url;

    /// <summary>Starts a function, and nats-server if asked for.</summary>
    internal static async Task<Pipeline> StartAsync(Build build, bool withNats = true, int functions = 1, int? maxMilliseconds = null)
    {
        var pipeline = new Pipeline(build, functions) { Function = await NativeFunction.StartAsync(maxMilliseconds) };
        pipeline._owned.Add(pipeline.Function);
        if (withNats)
        {
            pipeline._nats = await NatsServer.StartAsync();
            pipeline.Add(Part.Of(pipeline._nats));
        }

        return pipeline;
    }

    internal Uri Sync => new(Gateway, "/function/f0");

    internal Uri Async => new(Gateway, "/async-function/f0");

    /// <param name="topics">What the functions want of connectors.</param>
    internal async Task<Pipeline> WithGatewayAsync(params IReadOnlyList<string> topics)
    {
        Gateway = await StartServiceAsync("Gateway", "gateway", "api", await GatewayOptionsAsync(topics));
        return this;
    }

    internal async Task<Pipeline> WithWorkerAsync(params IEnumerable<KeyValuePair<string, string>> options)
    {
        await StartServiceAsync("QueueWorker", "worker", "metrics", new Dictionary<string, string>(options)
        {
            ["nats_host"] = "127.0.0.1",
            ["nats_port"] = Text(_nats!.Port),
            ["gateway_url"] = Gateway?.AbsoluteUri ?? "http://127.0.0.1:1",
            ["max_inflight"] = Text(Load.Connections),
        });
        return this;
    }

    /// <summary>A server that events come from.</summary>
    internal Pipeline With(Part server)
    {
        Add(server);
        return this;
    }

    /// <summary>A connector by its project, which stands where the worker does.</summary>
    internal async Task<Pipeline> WithConnectorAsync(string project, IReadOnlyDictionary<string, string> options)
    {
        await StartServiceAsync(project, "connector", "metrics", new Dictionary<string, string>(options)
        {
            ["gateway_url"] = Gateway.AbsoluteUri,
            ["secret_mount_path"] = _home.FullName,
            ["print_response"] = "false",
        });
        return this;
    }

    /// <summary>A program of ours that stands for the worker, or for the gateway: what the same work costs without it.</summary>
    internal async Task<Uri> WithBaselineAsync(string kind, string target)
    {
        // With the gateway's own settings of the runtime: what differs is the code.
        var (part, process, line) = await Part.StartAsync(
            kind,
            [
                "dotnet", "exec", "--runtimeconfig", Path.ChangeExtension(_build.Assembly("Gateway"), ".runtimeconfig.json"), "--depsfile", Path.ChangeExtension(typeof(Pipeline).Assembly.Location, ".deps.json"),
                typeof(Pipeline).Assembly.Location, "baseline", kind, target,
            ],
            new Dictionary<string, string>(),
            line => line.StartsWith("listening ", StringComparison.Ordinal));
        Add(part);
        _worker = process;
        return new Uri(line.Split(' ')[1]);
    }

    /// <summary>The bare gateway in the gateway's place.</summary>
    internal async Task WithBareGatewayAsync() => Gateway = await WithBaselineAsync("gateway", $"{NatsUrl},{Function.Url}");

    /// <summary>Stores calls while the worker stands still, lets it go, and returns what the function saw of them.</summary>
    internal Task<Figures> DrainAsync(int calls) => DrainAsync(calls, () => FillAsync(calls));

    /// <summary>The same with calls or events that are stored by <paramref name="fillAsync"/>.</summary>
    internal async Task<Figures> DrainAsync(int calls, Func<Task> fillAsync)
    {
        _worker!.Pause();
        await Function.ForgetAsync();
        await fillAsync();
        _worker.Resume();
        return await Function.RanAsync(calls, $"a backlog is run; the worker wrote {_worker.Tail(5)}");
    }

    /// <summary>Takes all calls out of the stream.</summary>
    internal async Task PurgeAsync()
    {
        await using var connection = new NatsConnection(new NatsOpts { Url = NatsUrl });
        await new NatsJSContext(connection).PurgeStreamAsync(StreamNames.Calls(StreamNames.DefaultQueue), new StreamPurgeRequest());
    }

    /// <summary>Makes the stream of calls, as gateway and worker do.</summary>
    internal async Task CreateStreamAsync()
    {
        await using var connection = new NatsConnection(new NatsOpts { Url = NatsUrl });
        await new NatsJSContext(connection).CreateStreamAsync(StreamSetup.ConfigOf(StreamShape.Calls(StreamNames.DefaultQueue, new StreamLimits())));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var owned in _owned.AsEnumerable().Reverse())
        {
            await owned.DisposeAsync();
        }

        _home.Delete(recursive: true);
    }

    internal static async Task EndAsync(IEnumerable<Pipeline> pipelines)
    {
        foreach (var pipeline in pipelines)
        {
            await pipeline.DisposeAsync();
        }
    }

    // As the gateway would, without what it costs: functions in turn.
    private async Task FillAsync(int calls)
    {
        await using var connection = new NatsConnection(new NatsOpts { Url = NatsUrl });
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, FillConcurrency).Select(async _ =>
        {
            for (int call; (call = Interlocked.Increment(ref next)) < calls;)
            {
                var message = MessageOf(call, _functions);
                await connection.RequestAsync<byte[], byte[]>(message.Subject, message.Body, message.Headers);
            }
        }));
    }

    /// <summary>A stored call: its subject, headers and body.</summary>
    internal static (string Subject, NatsHeaders Headers, byte[] Body) MessageOf(int call, int functions)
    {
        var function = new FunctionName($"f{call % functions}", Namespace);
        var envelope = new Envelope
        {
            CallId = Guid.NewGuid().ToString(),
            DeliveryId = Guid.NewGuid().ToString(),
            Function = function.Name,
            Namespace = function.Namespace,
            Submitted = TimeProvider.System.GetUtcNow(),
            Headers = [new("Content-Type", "application/octet-stream"), new("X-Forwarded-For", "127.0.0.1:40000"), new("X-Forwarded-Host", "127.0.0.1:8080")],
        };
        return (
            StreamNames.CallSubject(StreamNames.DefaultQueue, Priority.Normal, function),
            new NatsHeaders { [EnvelopeCodec.HeaderName] = EnvelopeCodec.Encode(envelope) },
            new byte[BodyBytes]);
    }

    private async Task<Uri> StartServiceAsync(string project, string name, string purpose, Dictionary<string, string> options)
    {
        options["port"] = Text(FreePort.Next());
        options["metrics_port"] = Text(FreePort.Next());
        foreach (var (setting, value) in _build.Environment)
        {
            options[setting] = value;
        }

        var (part, process, line) = await Part.StartAsync(
            name, _build.Command(project), options, line => line.Contains($"\"purpose\":\"{purpose}\"", StringComparison.Ordinal));
        Add(part);
        _worker = process;
        using var http = new HttpClient(new SocketsHttpHandler());
        await Eventually.HoldsAsync(
            async () => (await http.GetAsync(new Uri($"http://127.0.0.1:{options["metrics_port"]}/readyz"))).IsSuccessStatusCode,
            () => $"{name} is ready; it wrote:\n{process.Tail()}");
        return new Uri(Address().Match(line).Groups[1].Value);
    }

    private async Task<Dictionary<string, string>> GatewayOptionsAsync(IReadOnlyList<string> topics)
    {
        await File.WriteAllTextAsync(Path.Combine(_home.FullName, "basic-auth-user"), "admin");
        await File.WriteAllTextAsync(Path.Combine(_home.FullName, "basic-auth-password"), "bench");
        var functions = Path.Combine(_home.FullName, "functions.yaml");
        await File.WriteAllTextAsync(functions, "functions:\n" + string.Concat(Enumerable.Range(0, _functions).Select(function => $"""
              f{Text(function)}:
                image: bench/noop
                annotations:
                  topic: "{string.Join(',', topics)}"
                environment:
                  upstream_url: {Function.Url}

            """)));
        var options = new Dictionary<string, string>
        {
            ["functions_path"] = functions,
            ["data_path"] = Path.Combine(_home.FullName, "data"),
            ["secret_mount_path"] = _home.FullName,
        };
        if (_nats is not null)
        {
            (options["faas_nats_address"], options["faas_nats_port"]) = ("127.0.0.1", Text(_nats.Port));
        }

        return options;
    }

    private void Add(Part part)
    {
        _owned.Add(part);
        _parts.Add(part);
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex("\"address\":\"([^\"]+)\"")]
    private static partial Regex Address();
}
