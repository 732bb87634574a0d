using System.Text.Json;
using Connectors.Cli.Migration;
using Connectors.Testing;
using CsCheck;
using YamlDotNet.RepresentationModel;

namespace Connectors.Cli.Tests;

/// <summary>Values of OpenFaaS's charts, key by key.</summary>
public sealed class MigrateTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("migrate-");

    public static TheoryData<string> Charts => [.. OpenFaasCharts.Rules.Keys];

    [Theory, MemberData(nameof(PublicValues.All), MemberType = typeof(PublicValues))]
    public void Every_public_value_is_known(string chart, string keys)
    {
        var values = string.Join('\n', keys.Split(default(char[]), StringSplitOptions.RemoveEmptyEntries).Select(key => $"{key}: x"));

        var judged = Move.Of(chart, Nested(values), provider: null, "openfaas").Keys;

        Assert.DoesNotContain(judged, key => key.Note.Contains("has no such value", StringComparison.Ordinal));
        Assert.Equal(values.Split('\n').Length, judged.Count(key => key.IsGiven));
    }

    [Theory, MemberData(nameof(Charts))]
    public void What_a_value_becomes_is_a_value_of_our_chart(string chart) =>
        Assert.All(
            OpenFaasCharts.Rules[chart].SelectMany(rule => rule.To).Where(target => target.Names[0] != "global"),
            target => Assert.True(IsInSchema(target), $"{target} is in no schema"));

    [Theory]
    [InlineData("queue-worker", "maxInflight: 5\nnats:\n  stream:\n    name: slow-fns\n  consumer:\n    durableName: w", "maxInflight same", "nats.consumer.durableName not needed", "nats.stream.name same")]
    [InlineData("openfaas", "queueWorkerPro:\n  maxInflight: 7\nnats:\n  channel: jobs", "nats.channel renamed gateway: nats.channel, queue-worker: queueName", "queueWorkerPro.maxInflight renamed queue-worker: maxInflight")]
    [InlineData("openfaas", "functionNamespace: fns\niam:\n  enabled: false\n  systemIssuer:\n    url: https://a", "functionNamespace same", "iam.enabled not needed", "iam.systemIssuer.url not needed")]
    [InlineData("openfaas", "ingress:\n  enabled: true\n  pathType: Prefix\nsecurityContext: true", "ingress.enabled same", "ingress.pathType not needed", "securityContext not needed")]
    [InlineData("openfaas", "async: true\nsecurityContext:\n  readOnlyRootFilesystem: true", "async same", "securityContext.readOnlyRootFilesystem renamed gateway: containerSecurityContext.readOnlyRootFilesystem, queue-worker: containerSecurityContext.readOnlyRootFilesystem")]
    [InlineData("openfaas", "ingress:\n  enabled: true\n  hosts: [{host: a, http: {paths: [{path: /, pathType: Exact, backend: {service: {name: gateway, port: {number: 8080}}}}]}}]", "ingress.enabled same", "ingress.hosts same")]
    [InlineData("openfaas", "ingress:\n  enabled: true\n  hosts: [{host: a, http: {paths: [{path: /, backend: {service: {name: gateway-external, port: {number: 8080}}}}]}}]", "ingress.enabled same", "ingress.hosts same")]
    [InlineData("openfaas", "openfaasPro: true\ngateway:\n  topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, labelSelector: {matchLabels: {app: gateway}}}]", "gateway.topologySpreadConstraints renamed gateway: gateway.topologySpreadConstraints", "openfaasPro not needed")]
    [InlineData("openfaas", "functionNamespace: fns\naffinity:\n  podAntiAffinity:\n    requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: zone, labelSelector: {matchLabels: {tier: one}}}]", "affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution same", "functionNamespace same")]
    [InlineData("openfaas", "serviceType: LoadBalancer\ngatewayExternal:\n  annotations:\n    a.b/internal: \"true\"", "gatewayExternal.annotations.a.b/internal renamed gateway: service.annotations.a.b/internal", "serviceType same")]
    [InlineData("openfaas", "exposeServices: false\ngatewayExternal:\n  annotations:\n    a.b/internal: \"true\"", "exposeServices same", "gatewayExternal.annotations.a.b/internal not needed")]
    [InlineData("openfaas", "faasnetesPro:\n  logs:\n    debug: true\nfaasnetesOem:\n  image: i\nk8sVersionOverride: 1.31.0", "faasnetesOem.image not needed", "faasnetesPro.logs.debug not needed", "k8sVersionOverride not needed")]
    [InlineData("openfaas", "openfaasPro: true\nautoscaler:\n  enabled: false\n  verbose: true\nalertmanager:\n  create: false\n  image: i", "alertmanager.create not needed", "alertmanager.image not needed", "autoscaler.enabled not needed", "autoscaler.verbose not needed", "openfaasPro not needed")]
    [InlineData("openfaas", "functionNamespace: fns\ndashboard:\n  enabled: true\n  publicURL: https://d", "dashboard.enabled not needed", "dashboard.publicURL not needed", "functionNamespace same")]
    [InlineData("openfaas", "functionNamespace: fns\nautoscaler:\n  defaultTarget: 100", "autoscaler.defaultTarget not needed", "functionNamespace same")]
    [InlineData("openfaas", "openfaasPro: true\nalertmanager:\n  create: true", "alertmanager.create not needed", "openfaasPro not needed")]
    [InlineData("openfaas", "queueWorker:\n  ackWait: 2h\n  replicas: 2", "queueWorker.ackWait not needed", "queueWorker.replicas renamed queue-worker: replicas")]
    [InlineData("openfaas", "queueWorker:\n  ackWait: 60s\n  replicas: 2", "queueWorker.ackWait renamed queue-worker: nats.consumer.ackWait", "queueWorker.replicas renamed queue-worker: replicas")]
    [InlineData("kafka-connector", "brokerHosts: k:9092\nsasl: true\ntopics: a", "brokerHosts same", "sasl renamed kafka-connector: saslAuth", "topics same")]
    [InlineData("cron-connector", "basicAuth: true\nrebuildInterval: 5s\nopenfaasPro: true", "basicAuth same", "openfaasPro not needed", "rebuildInterval same")]
    [InlineData("cron-connector", "basicAuth: true\niam:\n  enabled: true\n  resource: ['dev:*']\n  systemIssuer:\n    url: https://a", "basicAuth same", "iam.enabled same", "iam.resource same", "iam.systemIssuer.url not needed")]
    [InlineData("sqs-connector", "queueURL: https://sqs.eu-west-1.amazonaws.com/1/q\ntopics: a\nnodeSelector:\n  kubernetes.io/os: linux", "nodeSelector.kubernetes.io/os same", "queueURL same", "topics not needed")]
    [InlineData("rabbitmq-connector", "rabbitmqURL: amqp://rabbitmq:5672\ntopics: a\nqueues:\n  - name: orders", "queues same", "rabbitmqURL same", "topics not needed")]
    public async Task Each_key_is_told_apart(string chart, string values, params string[] expected)
    {
        var run = (await RunAsync(values, "--json")).Succeeds();
        var rows = run.Json.AsArray().Where(row => row!["key"]!.GetValue<string>() != "-").ToList();

        Assert.All(rows.Zip(expected), pair => Assert.StartsWith(pair.Second, $"{pair.First!["key"]} {pair.First["fate"]} {pair.First["to"]}", StringComparison.Ordinal));
        Assert.Equal(expected.Length, rows.Count);
        Assert.Equal(chart, Move.ChartOf(Yaml(values)));
    }

    [Theory]
    [InlineData("openfaas", "gateway:\n  image: ghcr.io/openfaasltd/gateway:0.5.20", "another owner's image")]
    [InlineData("queue-worker", "image: registry.example/mirror/openfaasltd/jetstream-queue-worker:0.5.7", "another owner's image")]
    [InlineData("queue-worker", "image: ghcr.io/connectors/gateway:1", "another owner's image")]
    [InlineData("cron-connector", "pro:\n  image: ghcr.io/openfaasltd/cron-connector:0.2.14", "another owner's image")]
    [InlineData("openfaas", "gateway:\n  replicaz: 3", "gateway.replicaz")]
    [InlineData("openfaas", "iam:\n  enabled: true\n  systemIssuer:\n    url: https://a", "basic auth")]
    [InlineData("cron-connector", "iam:\n  enabled: true\n  resource: ['dev:*', 'prod:resize']", "prod:resize is neither a namespace")]
    [InlineData("openfaas", "nats:\n  authorization:\n    enabled: true", "nats.auth.secret")]
    [InlineData("openfaas", "ingress:\n  enabled: true\n  pathType: Exact", "Exact: each path is a beginning")]
    [InlineData("openfaas", "ingress:\n  enabled: true\n  hosts: [{host: a, http: {paths: [{path: /, backend: {service: {name: gateway}}}]}}, {host: b, http: {paths: [{path: /, backend: {service: {name: dashboard}}}]}}]", "b leads to dashboard")]
    [InlineData("openfaas", "ingress:\n  enabled: true\n  hosts: [{host: a, serviceName: dashboard, servicePort: 8080, path: /}]", "a leads to dashboard")]
    [InlineData("openfaas", "ingress:\n  enabled: true\n  hosts: [{host: a, http: {paths: [{path: /, backend: {resource: {name: files}}}]}}]", "a leads to no service")]
    [InlineData("openfaas", "alertmanager:\n  create: true", "Community Edition scaled (/system/alert)")]
    [InlineData("openfaas", "openfaasPro: true\nautoscaler:\n  defaultTarget: 100", "an autoscaler of the cluster")]
    [InlineData("openfaas", "securityContext: false", "podSecurityContext and containerSecurityContext")]
    [InlineData("rabbitmq-connector", "securityContext: false", "podSecurityContext and containerSecurityContext")]
    [InlineData("queue-worker", "queueName: Slow Queue", "1 to 63")]
    [InlineData("sqs-connector", "queueURL: https://", "the address of a queue")]
    [InlineData("rabbitmq-connector", "rabbitmqURL: rabbitmq:5672", "the address of a broker")]
    public async Task What_cannot_be_is_told_with_the_reason(string chart, string values, string reason)
    {
        var run = await RunAsync(values, "--chart", chart);

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("not possible", run.Out, StringComparison.Ordinal);
        Assert.Contains(reason, run.Out, StringComparison.Ordinal);
        Assert.Contains("Not all can be taken over", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ghcr.io/connectors/queue-worker:0.1.0")]
    [InlineData("registry.example:5000/mirror/connectors/queue-worker@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")]
    public async Task An_image_of_ours_is_kept_on_whatever_registry(string image)
    {
        (await RunAsync($"maxInflight: 5\nimage: {image}", "--into", PathOf("out"))).Succeeds();

        Assert.Contains($"image: {image}", await File.ReadAllTextAsync(PathOf("out/queue-worker-values.yaml")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_core_chart_becomes_two_files_with_the_defaults_that_differ()
    {
        (await RunAsync(
            "openfaasPro: true\ngateway:\n  replicas: 3\n  upstreamTimeout: 15m\nqueueWorker:\n  replicas: 2\n  maxInflight: 1\nqueueWorkerPro:\n  backoff: full\nnats:\n  external:\n    enabled: true\n    host: nats.nats\n    port: \"4222\"",
            "--into", PathOf("out"), "--namespace", "connectors")).Succeeds();

        var gateway = Yaml(await File.ReadAllTextAsync(PathOf("out/gateway-values.yaml")));
        var worker = Yaml(await File.ReadAllTextAsync(PathOf("out/queue-worker-values.yaml")));
        Assert.Equal(
            ["gateway.replicas=3", "gateway.upstreamTimeout=15m", "nats.external.enabled=true", "nats.external.host=nats.nats", "nats.external.port=4222", "functionsProviderUrl=http://gateway-provider.openfaas:8081/"],
            Flat(gateway));
        Assert.Equal(
            ["upstreamTimeout=15m", "nats.host=nats.nats", "nats.port=4222", "maxInflight=1", "replicas=2", "backoff=full", "queueName=faas-request", "gateway.host=http://gateway.connectors"],
            Flat(worker));
    }

    // What scales functions is on by default, so that "helm get values" does not show it.
    [Theory]
    [InlineData("", "alertmanager")]
    [InlineData("functionNamespace: fns\nautoscaler:\n  enabled: false", "alertmanager")]
    [InlineData("openfaasPro: true", "autoscaler")]
    [InlineData("openfaasPro: true\nalertmanager:\n  create: false", "autoscaler")]
    public async Task Who_scaled_the_functions_is_told_though_no_value_names_it(string values, string part)
    {
        var run = (await RunAsync(values, "--chart", "openfaas", "--json")).Succeeds();

        var told = Assert.Single(ToDo(run), note => note.Contains("OpenFaaS's own", StringComparison.Ordinal));
        Assert.Contains($"({part})", told, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("openfaas", "alertmanager:\n  create: false")]
    [InlineData("openfaas", "openfaasPro: true\nautoscaler:\n  enabled: false")]
    [InlineData("queue-worker", "maxInflight: 5")]
    public void Where_nothing_scaled_them_nothing_is_to_do_about_it(string chart, string values) =>
        Assert.DoesNotContain(Move.Of(chart, Yaml(values), provider: null, "connectors").Keys, key => key.Fate == Fate.ToDo && key.Note.Contains("scal", StringComparison.Ordinal));

    // The streams of both have one name, and either refuses the other's.
    [Theory]
    [InlineData("openfaas", "functionNamespace: fns", "nats.openfaas", "nats.channel")]
    [InlineData("openfaas", "openfaasPro: true\nnats:\n  external:\n    enabled: true\n    host: nats.nats", "nats.nats", "nats.channel")]
    [InlineData("openfaas", "openfaasPro: true\nnats:\n  external:\n    enabled: false\n    host: nats.nats", "nats.openfaas", "nats.channel")]
    [InlineData("queue-worker", "maxInflight: 5", "nats.openfaas", "queueName")]
    [InlineData("queue-worker", "maxInflight: 5\nnats:\n  host: nats.nats", "nats.nats", "queueName")]
    public async Task That_the_two_cannot_share_streams_is_to_do(string chart, string values, string server, string queue)
    {
        var run = (await RunAsync(values, "--chart", chart, "--json")).Succeeds();

        var told = Assert.Single(ToDo(run), note => note.Contains("cannot be shared", StringComparison.Ordinal));
        Assert.StartsWith($"{server} is OpenFaaS's NATS", told, StringComparison.Ordinal);
        Assert.Contains("nats.auth", told, StringComparison.Ordinal);
        Assert.Contains(queue, told, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("openfaas", "async: false\nalertmanager:\n  create: false")]
    [InlineData("kafka-connector", "brokerHosts: k:9092")]
    public void Without_queues_there_are_no_streams_to_share(string chart, string values) =>
        Assert.DoesNotContain(Move.Of(chart, Yaml(values), provider: null, "connectors").Keys, key => key.Fate == Fate.ToDo);

    [Fact]
    public void The_page_names_every_chart_whose_values_are_read()
    {
        var page = File.ReadAllLines(Path.Combine(Tools.RepositoryRoot, "docs", "migration.md"));

        var sentence = Assert.Single(page, line => line.Contains("It reads values of the charts", StringComparison.Ordinal));
        Assert.All(OpenFaasCharts.Rules.Keys, chart => Assert.Contains($"`{chart}`", sentence, StringComparison.Ordinal));
    }

    // More than that is what bounds a call in the Community Edition, and above an hour a worker does not start.
    [Fact]
    public void Only_a_lease_of_a_second_to_two_minutes_is_taken_over()
    {
        var lease = Gen.OneOf(
            Gen.Long[0, 300].Select(seconds => (Text: $"{seconds}", Milliseconds: seconds * 1_000)),
            Gen.Select(Gen.Long[0, 1_500], AnyOf("ms", "s", "m", "h")).Array[1, 3].Select(parts => (Text: string.Concat(parts.Select(part => $"{part.Item1}{part.Item2}")), Milliseconds: parts.Sum(part => part.Item1 * Milliseconds(part.Item2)))),
            AnyOf("forever", "1m 30s", "-5s", "7200000ms").Select(text => (Text: text, Milliseconds: long.MaxValue)));
        Gen.Select(lease, AnyOf("openfaas queueWorker.ackWait", "queue-worker nats.consumer.ackWait")).Sample(
            (given, place) =>
            {
                var move = Move.Of(place.Split(' ')[0], Nested($"{place.Split(' ')[1]}: {given.Text}"), provider: null, "openfaas");

                var isTaken = given.Milliseconds is >= 1_000 and <= 120_000;
                Assert.Equal(isTaken, Assert.Single(move.Keys, key => key.IsGiven).Fate != Fate.NotNeeded);
                Assert.Equal(isTaken ? given.Text : null, (YamlPath.At(move.Files["queue-worker"], "nats.consumer.ackWait") as YamlScalarNode)?.Value);
            },
            iter: 2_000);

        static long Milliseconds(string unit) => unit switch { "ms" => 1, "s" => 1_000, "m" => 60_000, _ => 3_600_000 };
    }

    [Fact]
    public async Task Without_asynchronous_calls_there_is_no_worker()
    {
        (await RunAsync("functionNamespace: fns\nasync: false", "--into", PathOf("out"))).Succeeds();

        Assert.Equal(["gateway-values.yaml"], Directory.GetFiles(PathOf("out")).Select(Path.GetFileName));
    }

    [Fact]
    public async Task Merged_keys_are_read_as_a_cluster_does()
    {
        (await RunAsync("functionNamespace: fns\nqueueWorker: &w\n  replicas: 2\n  ackWait: 60s\njetstreamQueueWorker:\n  mode: static\nqueueWorkerPro:\n  <<: [{maxInflight: 4, backoff: full}, {maxInflight: 9}]\n  backoff: equal", "--into", PathOf("out"))).Succeeds();

        var worker = Flat(Yaml(await File.ReadAllTextAsync(PathOf("out/queue-worker-values.yaml")))).ToList();
        Assert.Contains("maxInflight=4", worker);
        Assert.Contains("backoff=equal", worker);
    }

    [Fact]
    public async Task Nothing_is_written_over()
    {
        Directory.CreateDirectory(PathOf("out"));
        await File.WriteAllTextAsync(PathOf("out/queue-worker-values.yaml"), "mine: 1\n");

        var run = await RunAsync("functionNamespace: fns", "--into", PathOf("out"));

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("there already", run.Error, StringComparison.Ordinal);
        Assert.Equal("mine: 1\n", await File.ReadAllTextAsync(PathOf("out/queue-worker-values.yaml")));
        Assert.False(File.Exists(PathOf("out/gateway-values.yaml")));
    }

    [Theory]
    [InlineData("openfaasPro: true", "--chart says whose")]
    [InlineData("a: [", "line 2")]
    [InlineData("- a\n- b", "names with values")]
    [InlineData("a: 1\na: 2", "line 2")]
    [InlineData("a: &a\n  b: *a", "64 deep")]
    public async Task A_file_that_says_nothing_is_told_by_name(string values, string reason) => (await RunAsync(values)).Fails(2, "values.yaml", reason);

    [Fact]
    public async Task A_file_that_is_not_there_is_told_by_name() => (await RunHereAsync("migrate", PathOf("none.yaml"))).Fails(2, "none.yaml");

    // Whatever stands in the file, known or not, at any depth: each leaf has its row, and each that is taken over is in one of the files.
    [Theory, MemberData(nameof(Charts))]
    public void Nothing_is_dropped(string chart)
    {
        var keys = OpenFaasCharts.Rules[chart].Select(rule => rule.Key).ToArray();
        var key = Gen.OneOf(AnyOf(keys), Gen.Select(AnyOf(keys), Gen.String[Gen.Char['a', 'e'], 1, 3], (known, more) => $"{known}.{more}"), Gen.String[Gen.Char['a', 'e'], 1, 4]);
        var value = AnyOf("x", "true", "false", "5", "null", "\"\"", "[a]", "{}", "connectors/queue-worker:1");
        Gen.Select(key, value).Array[0, 12].Sample(
            pairs =>
            {
                var values = Nested(string.Join('\n', pairs.Select(pair => $"{pair.Item1}: {pair.Item2}")));
                var move = Move.Of(chart, values, provider: null, "openfaas");

                Assert.Equal(YamlPath.Leaves(values).Select(path => path.ToString()).Order(), move.Keys.Where(k => k.IsGiven).Select(k => k.Key).Order());
                Assert.All(move.Keys.Where(k => k.Fate is Fate.NotPossible or Fate.NotNeeded), k => Assert.NotEmpty(k.Note));
                Assert.All(
                    move.Keys.SelectMany(k => k.To).Where(to => move.Files.ContainsKey(to.Chart)),
                    to => Assert.NotNull(YamlPath.At(move.Files[to.Chart], to.Names[0])));
            },
            iter: 500);
    }

    private static IEnumerable<string> ToDo(Ran run) =>
        run.Json.AsArray().Where(row => row!["fate"]!.GetValue<string>() == "to do").Select(row => row!["note"]!.GetValue<string>());

    private static Gen<string> AnyOf(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(index => texts[index]);

    public void Dispose() => _directory.Delete(recursive: true);

    private string PathOf(string file) => Path.Combine(_directory.FullName, file);

    private Task<Ran> RunAsync(string values, params string[] options)
    {
        File.WriteAllText(PathOf("values.yaml"), values);
        return RunHereAsync(["migrate", PathOf("values.yaml"), .. options]);
    }

    private static async Task<Ran> RunHereAsync(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var exitCode = await CommandLine.RunAsync(CommandTree.Create(), arguments, output, error);
        return new Ran(exitCode, System.Text.Encoding.UTF8.GetBytes(output.ToString()), error.ToString());
    }

    private static YamlMappingNode Yaml(string text)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(text));
        return (YamlMappingNode)stream.Documents[0].RootNode;
    }

    // Lines of "a.b.c: value"; of what stands twice, or where something else stands, the last.
    private static YamlMappingNode Nested(string lines)
    {
        var root = new YamlMappingNode();
        foreach (var line in lines.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = line.Split(": ", 2);
            YamlPath.Set(root, parts[0].Trim().Split('.'), Yaml($"v: {parts[1]}")["v"]);
        }

        return root;
    }

    private static IEnumerable<string> Flat(YamlMappingNode values) => YamlPath.Leaves(values).Select(path => $"{path}={path.Text}");

    private static bool IsInSchema(Target target)
    {
        using var schema = JsonDocument.Parse(File.ReadAllText(Path.Combine(Tools.RepositoryRoot, "charts", target.Chart, "values.schema.json")));
        var at = schema.RootElement;
        return target.Names.All(name => at.TryGetProperty("properties", out var properties) && properties.TryGetProperty(name, out at));
    }
}
