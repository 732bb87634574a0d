using System.Globalization;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Faults.Tests;

/// <summary>
/// The whole system as processes, each part more than once: three nats-servers (or one), two gateways and two workers; a function and a receiver of callbacks with
/// ledgers. Between any two parts that talk there is a <see cref="Link"/>; nats-servers name theirs to clients as their own address.
/// </summary>
internal sealed class FaultySystem : IAsyncDisposable
{
    public const string Calls = "OF_faas-request";
    public const string Callbacks = "OF_faas-request_CALLBACKS";
    public const string Aside = "OF_faas-request_ASIDE";
    public const string Dead = "OF_faas-request_DEAD";
    public const string History = "OF_faas-request_HISTORY";

    /// <summary>Calls, and as many callbacks, that one worker has in flight at most.</summary>
    public const int Slots = 10;

    private static readonly string[] Lasting = [Calls, Callbacks, Aside, Dead];
    private static readonly string[] Clocked = ["worker 0", "worker 1", "gateway 0", "gateway 1"];

    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("faults-");
    private readonly NatsConnection _nats;
    private readonly int[] _gatewayPorts = [FreePort.Next(), FreePort.Next()];

    private FaultySystem(NatsCluster nats, IReadOnlyList<Link> natsLinks, IReadOnlyDictionary<(int From, int To), Link> routeLinks, Ledger function, Ledger receiver, string mode)
    {
        (Nats, NatsLinks, RouteLinks, Function, Receiver, Mode) = (nats, natsLinks, routeLinks, function, receiver, mode);
        (FunctionLink.Target, ReceiverLink.Target) = (function.Port, receiver.Port);
        for (var i = 0; i < natsLinks.Count; i++)
        {
            natsLinks[i].Target = nats.Servers[i].Port;
        }

        _nats = new NatsConnection(new NatsOpts { Url = string.Join(',', nats.Servers.Select(server => server.Url)), MaxReconnectRetry = -1 });
        JetStream = new NatsJSContext(_nats);
    }

    public NatsCluster Nats { get; }

    public IReadOnlyList<Link> NatsLinks { get; }

    /// <summary>How one nats-server reaches another.</summary>
    public IReadOnlyDictionary<(int From, int To), Link> RouteLinks { get; }

    public Ledger Function { get; }

    public Link FunctionLink { get; } = new();

    public Ledger Receiver { get; }

    public Link ReceiverLink { get; } = new();

    public ServiceProcess[] Gateways { get; } = new ServiceProcess[2];

    /// <summary>How each worker reaches its gateway.</summary>
    public Link[] GatewayLinks { get; } = [new(), new()];

    public ServiceProcess[] Workers { get; } = new ServiceProcess[2];

    /// <summary>Workers that the other mode took the place of, for their logs.</summary>
    public List<ServiceProcess> Replaced { get; } = [];

    /// <summary>What callbacks are signed with.</summary>
    public byte[] Secret { get; } = Guid.NewGuid().ToByteArray();

    /// <summary>The services' clocks that can be set.</summary>
    public IReadOnlyList<(string Service, SettableClock Clock)> Clocks { get; private init; } = [];

    /// <summary>The workers' <c>scaling_mode</c>.</summary>
    public string Mode { get; private set; }

    /// <summary>For how long workers keep what ended.</summary>
    public string HistoryMaxAge { get; private init; } = "24h";

    /// <summary>The gateways' <c>nats_publish_timeout</c>.</summary>
    public string PublishTimeout { get; private init; } = "2s";

    /// <summary>Where the programs are of which the next gateway or worker is started: <c>PROJECT/release/PROJECT.dll</c>. Null for this version's.</summary>
    public string? Version { get; set; }

    public INatsJSContext JetStream { get; }

    private int Replicas => Nats.Servers.Count;

    public Uri CallbackUrl => new($"http://127.0.0.1:{ReceiverLink.Port}/callback/");

    /// <summary>Starts all of it.</summary>
    /// <param name="mode">The workers' <c>scaling_mode</c>.</param>
    /// <param name="servers">Nats-servers: three or one.</param>
    /// <param name="syncInterval">How often these flush, if their power is to be cut.</param>
    /// <param name="version">The first services' <see cref="Version"/>.</param>
    /// <param name="areBreakable">Whether clocks can be set and disks filled.</param>
    /// <param name="historyMaxAge">See <see cref="HistoryMaxAge"/>.</param>
    /// <param name="floor">Whether nats-servers are the oldest that the product works with.</param>
    /// <param name="publishTimeout">See <see cref="PublishTimeout"/>.</param>
    public static async Task<FaultySystem> StartAsync(
        string mode,
        int servers = 3,
        string? syncInterval = null,
        string? version = null,
        bool areBreakable = false,
        string historyMaxAge = "24h",
        bool floor = false,
        string publishTimeout = "2s")
    {
        var links = Enumerable.Range(0, servers).Select(_ => new Link()).ToArray();
        var routes = (from a in Enumerable.Range(0, servers) from b in Enumerable.Range(0, servers) where a != b select (a, b)).ToDictionary(pair => pair, _ => new Link());
        var nats = await NatsCluster.StartAsync(
            server => TryReplicasAsync(server, servers), floor, config: i => $"client_advertise: \"127.0.0.1:{links[i].Port}\"", syncInterval: syncInterval, size: servers, canFill: areBreakable, relay: Relay);
        var system = new FaultySystem(nats, links, routes, await Ledger.StartAsync(), await Ledger.StartAsync(), mode)
        {
            Version = version,
            HistoryMaxAge = historyMaxAge,
            PublishTimeout = publishTimeout,
            Clocks = areBreakable ? [.. Clocked.Select(service => (service, new SettableClock()))] : [],
        };
        await system.StartServicesAsync();
        return system;

        int Relay(int from, int to, int port)
        {
            routes[(from, to)].Target = port;
            return routes[(from, to)].Port;
        }
    }

    /// <summary>A worker's successor, in the mode of now, in its place.</summary>
    public async Task StartWorkerAsync(int i) => Workers[i] = await ServiceProcess.StartAsync(Program("QueueWorker"), new Dictionary<string, string>(Clock($"worker {i}"))
    {
        ["nats_host"] = "127.0.0.1",
        ["nats_port"] = Number(NatsLinks[i % NatsLinks.Count].Port),
        ["nats_stream_replicas"] = Number(Replicas),
        ["gateway_url"] = $"http://127.0.0.1:{Number(GatewayLinks[i].Port)}",
        ["scaling_mode"] = Mode,
        ["limiter_enabled"] = "false",
        ["max_inflight"] = Number(Slots),
        ["callback_max_inflight"] = Number(Slots),

        // Longer than a busy machine withholds all time from a process; shorter than some faults last (Fault.Time).
        ["ack_wait"] = "8s",
        ["upstream_timeout"] = "20s",
        ["callback_timeout"] = "20s",
        ["initial_retry_wait"] = "200ms",
        ["max_retry_wait"] = "1s",
        ["callback_initial_wait"] = "200ms",
        ["callback_max_wait"] = "1s",
        ["callback_allow"] = "127.0.0.1",
        ["secret_mount_path"] = _home.FullName,
        ["history_max_age"] = HistoryMaxAge,
    });

    /// <summary>A gateway's successor in its place.</summary>
    public async Task StartGatewayAsync(int i)
    {
        Gateways[i] = await ServiceProcess.StartAsync(Program("Gateway"), new Dictionary<string, string>(Clock($"gateway {i}"))
        {
            ["port"] = Number(_gatewayPorts[i]),
            ["faas_nats_address"] = "127.0.0.1",
            ["faas_nats_port"] = Number(NatsLinks[(i + 1) % NatsLinks.Count].Port),
            ["nats_stream_replicas"] = Number(Replicas),
            ["functions_path"] = Path.Combine(_home.FullName, "functions.yaml"),
            ["data_path"] = Path.Combine(_home.FullName, $"data-{i}"),
            ["secret_mount_path"] = _home.FullName,
            ["basic_auth"] = "true",
            ["nats_publish_timeout"] = PublishTimeout,
        });
        GatewayLinks[i].Target = Gateways[i].Api.Port;
    }

    /// <summary>Goes over to the other mode: one worker after the other is replaced.</summary>
    public async Task SwitchModeAsync()
    {
        Mode = Mode == "static" ? "function" : "static";
        for (var i = 0; i < Workers.Length; i++)
        {
            await TerminateAsync(Workers[i]);
            await Workers[i].DisposeAsync();
            Replaced.Add(Workers[i]);
            await StartWorkerAsync(i);
        }
    }

    /// <summary>SIGTERM, to which a service answers with a proper end.</summary>
    public static async Task TerminateAsync(ServiceProcess service) => Assert.True(await service.TerminateAsync() == 0, service.Process.Tail());

    /// <summary>The server that leads a stream.</summary>
    public async Task<int> LeaderAsync(string stream) =>
        int.Parse((await Eventually.GetAsync(async () => (await InfoAsync(stream)).Cluster is { Leader: { Length: > 0 } leader } ? leader : null, $"{stream} has a leader"))[1..], CultureInfo.InvariantCulture);

    /// <summary>Changes a stream as an operator would.</summary>
    public Task ChangeAsync(string stream, Func<StreamConfig, StreamConfig> change) => Eventually.HoldsAsync(
        async () => await JetStream.UpdateStreamAsync(change((await InfoAsync(stream)).Config)) is not null, $"{stream} is changed");

    /// <summary>Asks NATS's own API for something.</summary>
    public Task AskAsync(string subject) => Eventually.HoldsAsync(
        async () => (await _nats.RequestAsync<string, string>(subject, "", cancellationToken: Soon())).Data?.Contains("\"success\":true", StringComparison.Ordinal) == true, subject);

    /// <summary>The consumers of calls and callback records.</summary>
    public async Task<IReadOnlyList<(string Stream, string Consumer)>> ConsumersAsync()
    {
        var found = new List<(string, string)>();
        await Eventually.HoldsAsync(
            async () =>
            {
                found.Clear();
                foreach (var stream in new[] { Calls, Callbacks })
                {
                    await foreach (var name in JetStream.ListConsumerNamesAsync(stream, Soon()))
                    {
                        found.Add((stream, name));
                    }
                }

                return found.Count > 0;
            },
            "there are consumers");
        return found;
    }

    public Task DeleteConsumerAsync(string stream, string consumer) => Eventually.HoldsAsync(
        async () =>
        {
            try
            {
                return await JetStream.DeleteConsumerAsync(stream, consumer, Soon());
            }
            catch (NatsJSApiException missing) when (missing.Error.Code == 404)
            {
                return true;
            }
        },
        $"{consumer} is deleted");

    public Task DeleteStreamAsync(string stream) => Eventually.HoldsAsync(
        async () =>
        {
            try
            {
                return await JetStream.DeleteStreamAsync(stream, Soon());
            }
            catch (NatsJSApiException missing) when (missing.Error.Code == 404)
            {
                return true;
            }
        },
        $"{stream} is deleted");

    /// <summary>Waits until every service is ready and every stream lies on all servers again. Where there is one, another version's services need not have made all.</summary>
    public async Task IsWholeAsync()
    {
        foreach (var service in Gateways.Concat(Workers))
        {
            await service.IsReadyAsync();
        }

        if (Replicas == 1)
        {
            return;
        }

        foreach (var stream in Lasting)
        {
            await Eventually.HoldsAsync(
                async () => await InfoAsync(stream) is var info && info.Config.NumReplicas == Replicas && LiesOnAll(info.Cluster),
                $"{stream} lies on all servers");
        }

        // Streams are raised first, and their consumers after them.
        foreach (var stream in new[] { Calls, Callbacks })
        {
            await Eventually.HoldsAsync(
                async () => await JetStream.ListConsumersAsync(stream, Soon()).AllAsync(consumer => LiesOnAll(consumer.Info.Cluster)),
                $"the consumers of {stream} lie on all servers");
        }
    }

    /// <summary>Waits until all is done: streams are empty but for dead letters, and no ack is waited for.</summary>
    public async Task<(long Calls, long Callbacks, long Aside, int Acks)> IsDoneAsync()
    {
        (long Calls, long Callbacks, long Aside, int Acks) left = default;
        await Eventually.HoldsAsync(
            async () =>
            {
                // Calls go aside and come back, stored in the one stream before they leave the other: whichever way one goes, a look meets it.
                var aside = await CountAsync(Aside);
                left = (await CountAsync(Calls), await CountAsync(Callbacks), Math.Max(aside, await CountAsync(Aside)), await PendingAcksAsync());
                return left == (0, 0, 0, 0);
            },
            () => $"streams are empty and nothing is in flight; (calls, callbacks, aside, acks that are waited for) are {left}");
        return left;
    }

    /// <summary>Messages of a stream.</summary>
    public async Task<long> CountAsync(string stream) => (long)(await InfoAsync(stream)).State.Messages;

    /// <summary>Messages that consumers have handed out and not heard of again.</summary>
    public async Task<int> PendingAcksAsync()
    {
        var pending = 0;
        foreach (var stream in new[] { Calls, Callbacks })
        {
            await foreach (var consumer in JetStream.ListConsumersAsync(stream, Soon()))
            {
                pending += consumer.Info.NumAckPending;
            }
        }

        return pending;
    }

    /// <summary>The envelopes of all dead letters, with their subjects.</summary>
    public async Task<IReadOnlyList<DeadLetter>> DeadLettersAsync()
    {
        var letters = new SortedDictionary<ulong, DeadLetter>();
        await Eventually.HoldsAsync(
            async () =>
            {
                var count = await CountAsync(Dead);
                var consumer = await JetStream.CreateOrderedConsumerAsync(Dead, cancellationToken: Soon());
                while (letters.Count < count)
                {
                    await foreach (var letter in consumer.FetchNoWaitAsync<byte[]>(new NatsJSFetchOpts { MaxMsgs = 1000 }, cancellationToken: Soon()))
                    {
                        var (sequence, stored) = (letter.Metadata!.Value.Sequence.Stream, letter.Metadata.Value.Timestamp);
                        letters[sequence] = new DeadLetter(sequence, stored, letter.Headers?["Nats-Msg-Id"].ToString() ?? "", letter.Subject, letter.Headers?["Envelope"].ToString() ?? "");
                    }
                }

                return true;
            },
            "dead letters are read");
        return [.. letters.Values];
    }

    public async ValueTask DisposeAsync()
    {
        await _nats.DisposeAsync();
        foreach (var service in Gateways.Concat(Workers).Where(service => service is not null))
        {
            service.Process.Resume();
            await service.DisposeAsync();
        }

        await Function.DisposeAsync();
        await Receiver.DisposeAsync();
        foreach (var link in NatsLinks.Concat(RouteLinks.Values).Concat(GatewayLinks).Append(FunctionLink).Append(ReceiverLink))
        {
            await link.DisposeAsync();
        }

        await Nats.DisposeAsync();
        _home.Delete(recursive: true);

        foreach (var (_, clock) in Clocks)
        {
            clock.Dispose();
        }
    }

    private static async Task TryReplicasAsync(NatsServer server, int replicas)
    {
        await using var nats = new NatsConnection(new NatsOpts { Url = server.Url });
        var js = new NatsJSContext(nats);
        await js.CreateStreamAsync(new StreamConfig("try", ["try"]) { NumReplicas = replicas }, Soon());
        await js.DeleteStreamAsync("try", Soon());
    }

    private async Task StartServicesAsync()
    {
        await WriteAsync("basic-auth-user", "admin");
        await WriteAsync("basic-auth-password", "faults");
        await WriteAsync("callback-secret", "whsec_" + Convert.ToBase64String(Secret));
        await WriteAsync("functions.yaml", $$$"""
            version: "1.0"
            provider:
              name: openfaas
            functions:
              work: {image: test/work, environment: {upstream_url: "http://127.0.0.1:{{{FunctionLink.Port}}}/work/"}}
              flaky: {image: test/flaky, environment: {upstream_url: "http://127.0.0.1:{{{FunctionLink.Port}}}/flaky/"}}
              bad: {image: test/bad, environment: {upstream_url: "http://127.0.0.1:{{{FunctionLink.Port}}}/bad/"}}
              hold: {image: test/hold, environment: {upstream_url: "http://127.0.0.1:{{{FunctionLink.Port}}}/hold/{{{Workers.Length * Slots}}}/"}}
            """);
        for (var i = 0; i < Gateways.Length; i++)
        {
            await StartGatewayAsync(i);
        }

        for (var i = 0; i < Workers.Length; i++)
        {
            await StartWorkerAsync(i);
        }
    }

    private Dictionary<string, string> Clock(string service) => new(Clocks.Where(clock => clock.Service == service).SelectMany(clock => clock.Clock.Environment));

    private string Program(string project) => Version is null ? project : Path.Combine(Version, project, "release", project + ".dll");

    private Task WriteAsync(string name, string text) => File.WriteAllTextAsync(Path.Combine(_home.FullName, name), text);

    private bool LiesOnAll(ClusterInfo? cluster) =>
        cluster is { Leader.Length: > 0, Replicas: { } others } && others.Count == Replicas - 1 && others.All(other => other.Current);

    private async Task<StreamInfo> InfoAsync(string stream) => (await JetStream.GetStreamAsync(stream, cancellationToken: Soon())).Info;

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static CancellationToken Soon() => new CancellationTokenSource(TimeSpan.FromSeconds(5), TimeProvider.System).Token;
}
