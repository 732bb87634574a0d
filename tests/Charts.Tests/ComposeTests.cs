using System.Globalization;
using System.Text.RegularExpressions;
using Connectors.Testing;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Connectors.Charts.Tests;

/// <summary>compose.yaml, read as Docker reads it and tried with the programs themselves.</summary>
public sealed partial class ComposeTests : IDisposable
{
    private static readonly YamlMappingNode Services = (YamlMappingNode)Read()["services"];
    private static readonly string Dockerfile = File.ReadAllText(Path.Combine(Tools.RepositoryRoot, "Dockerfile"));

    private readonly DirectoryInfo _state = Directory.CreateTempSubdirectory("compose-");

    public static TheoryData<string> Ours => [.. Services.Children.Where(s => Has(s.Value, "build")).Select(s => s.Key.ToString())];

    [Theory, MemberData(nameof(Ours))]
    public void A_service_may_finish_its_work_and_tells_whether_it_is_ready(string name)
    {
        var service = Services[name];
        var target = service["build"]["target"].ToString();
        var stage = Dockerfile[Dockerfile.IndexOf($" AS {target}\n", StringComparison.Ordinal)..];
        var program = Entrypoint().Match(stage).Groups[1].Value;

        Assert.Equal("40s", service["stop_grace_period"].ToString());
        Assert.Equal(["CMD", "dotnet", program, "--ready"], ((YamlSequenceNode)service["healthcheck"]["test"]).Select(word => word.ToString()));
        Assert.Equal("true", service["read_only"].ToString());
        Assert.Contains("ALL", service["cap_drop"].ToString(), StringComparison.Ordinal);
        Assert.True(File.Exists(ServiceProcess.Assembly(Path.GetFileNameWithoutExtension(program))), program);
    }

    [Fact]
    public void Every_image_has_a_version_and_a_time_to_stop()
    {
        var foreign = Services.Children.Where(s => Has(s.Value, "image")).Select(s => s.Value).ToList();

        Assert.Equal(5, foreign.Count);
        Assert.All(foreign, service => Assert.Matches(Versioned(), service["image"].ToString()));
        Assert.All(foreign, service => Assert.True(Has(service, "stop_grace_period")));
        Assert.Contains(Services["nats"]["image"].ToString().Split('-')[0], File.ReadAllText(Path.Combine(Helm.ChartDirectory("gateway"), "values.yaml")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("kafka", "kafka-connector", "broker_hosts", "kafka:9092")]
    [InlineData("sqs", "sqs-connector", "queue_url", "http://sqs:9324/000000000000/demo")]
    [InlineData("rabbitmq", "rabbitmq-connector", "rabbitmq_url", "amqp://local:local@rabbitmq:5672")]
    public void A_profile_starts_the_broker_that_its_connector_looks_for(string profile, string connector, string option, string address)
    {
        var started = Services.Children.Where(s => Has(s.Value, "profiles") && s.Value["profiles"].ToString().Contains(profile, StringComparison.Ordinal)).Select(s => s.Key.ToString());

        Assert.Equal([connector, profile], started.Order(StringComparer.Ordinal).OrderByDescending(name => name == connector));
        Assert.Contains($":-{address}}}", Services[connector]["environment"][option].ToString(), StringComparison.Ordinal);
        Assert.True(Has(Services[connector]["depends_on"], profile));
    }

    [Fact]
    public void What_the_pages_run_in_the_broker_is_in_its_image_and_knows_its_user()
    {
        var commands = Directory.GetFiles(Path.Combine(Tools.RepositoryRoot, "docs"), "*.md", SearchOption.AllDirectories).SelectMany(File.ReadLines)
            .Where(line => line.StartsWith("docker compose exec rabbitmq rabbitmqadmin ", StringComparison.Ordinal)).ToList();
        var broker = Services["rabbitmq"];
        var user = $"--username {broker["environment"]["RABBITMQ_DEFAULT_USER"]} --password {broker["environment"]["RABBITMQ_DEFAULT_PASS"]} ";

        Assert.NotEmpty(commands);
        Assert.EndsWith("-management", broker["image"].ToString(), StringComparison.Ordinal);
        Assert.All(commands, command => Assert.Contains(user, command, StringComparison.Ordinal));
    }

    [Fact]
    public void A_health_check_says_nothing_that_an_older_Docker_or_Podman_does_not_know() => Assert.All(
        Services.Children.Where(s => Has(s.Value, "healthcheck")).SelectMany(s => ((YamlMappingNode)s.Value["healthcheck"]).Children.Keys),
        name => Assert.Contains(name.ToString(), new[] { "test", "interval", "timeout", "retries", "start_period" }));

    [Fact]
    public void What_a_service_waits_for_is_there() => Assert.All(
        Services.Children.Where(s => Has(s.Value, "depends_on")).SelectMany(s => ((YamlMappingNode)s.Value["depends_on"]).Children),
        needed => Assert.True(
            needed.Value["condition"].ToString() == "service_started" || Has(Services[needed.Key.ToString()], "healthcheck"), $"{needed.Key} cannot become healthy"));

    // A service that crashes comes back with a network of its own, and whoever was in the one before it would be cut off.
    [Fact]
    public void No_service_of_ours_is_the_network_of_another()
    {
        const string Shared = "service:";
        var holders = Services.Children.Where(s => Has(s.Value, "network_mode")).Select(s => s.Value["network_mode"].ToString()).ToList();

        Assert.NotEmpty(holders);
        Assert.All(holders, mode => Assert.StartsWith(Shared, mode, StringComparison.Ordinal));
        Assert.Empty(holders.Select(mode => mode[Shared.Length..]).Intersect(Ours.Select(row => row.Data)));
    }

    [Fact]
    public void What_an_address_names_is_a_service_with_a_network_or_an_alias_of_one()
    {
        var names = Services.Children.Where(s => !Has(s.Value, "network_mode")).Select(s => s.Key.ToString())
            .Concat(Services.Children.Where(s => Has(s.Value, "networks")).SelectMany(s => ((YamlSequenceNode)s.Value["networks"]["default"]["aliases"]).Select(alias => alias.ToString())))
            .Append("127.0.0.1").ToHashSet();
        var addresses = Services.Children.Where(s => Has(s.Value, "environment") && Has(s.Value["environment"], "gateway_url")).Select(s => new Uri(s.Value["environment"]["gateway_url"].ToString()).Host).ToList();

        Assert.NotEmpty(addresses);
        Assert.Subset(names, addresses.ToHashSet());
    }

    // The README's own lines, against what "docker compose up" starts.
    [Fact]
    public async Task The_first_call_of_the_readme_fails_twice_and_is_called_back()
    {
        var readme = await File.ReadAllTextAsync(Path.Combine(Tools.RepositoryRoot, "README.md"));
        Assert.Contains("-H 'X-Callback-Url: http://127.0.0.1:8080/function/inbox'", readme, StringComparison.Ordinal);
        Assert.Contains("http://127.0.0.1:8080/async-function/flaky/2", readme, StringComparison.Ordinal);

        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await ServiceProcess.StartAsync("Gateway", Environment("gateway", nats, null));
        await using var worker = await ServiceProcess.StartAsync("QueueWorker", Environment("queue-worker", nats, gateway));
        using var http = new HttpClient(new SocketsHttpHandler());
        using var call = new HttpRequestMessage(HttpMethod.Post, new Uri(gateway.Api, "/async-function/flaky/2")) { Content = new StringContent("hi") };
        call.Headers.Add("X-Callback-Url", new Uri(gateway.Api, "/function/inbox").AbsoluteUri);
        using var answer = await http.SendAsync(call);
        var id = answer.Headers.GetValues("X-Call-Id").Single();

        Assert.Equal(202, (int)answer.StatusCode);
        await Eventually.HoldsAsync(
            async () => (await http.GetStringAsync(new Uri(gateway.Api, "/function/inbox"))).Contains(id, StringComparison.Ordinal), () => $"the callback arrives; the worker wrote:\n{worker.Process.Tail()}");
        var received = await http.GetStringAsync(new Uri(gateway.Api, "/function/inbox"));
        Assert.Contains("Http_X_Function_Status=200", received, StringComparison.Ordinal);
        Assert.Contains("run 3 succeeds: hi", received, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("127.0.0.2")]
    [InlineData("*")]
    [InlineData("::")]
    [InlineData("::1")]
    public async Task A_health_check_knows_a_service_that_is_ready_from_one_that_is_away_wherever_it_listens(string bind)
    {
        await using var nats = await NatsServer.StartAsync();
        var environment = Environment("gateway", nats, null);
        environment["bind_address"] = bind;
        environment["metrics_port"] = FreePort.Next().ToString(CultureInfo.InvariantCulture);

        Assert.Equal(1, (await ServiceProcess.RunAsync("Gateway", environment, "--ready")).ExitCode);
        await using var gateway = await ServiceProcess.StartAsync("Gateway", environment);

        // As Docker does, which asks again: one look waits only so long for its answer.
        await Eventually.HoldsAsync(async () => (await ServiceProcess.RunAsync("Gateway", environment, "--ready")).ExitCode == 0, "it is taken for ready");
    }

    public void Dispose() => _state.Delete(recursive: true);

    // As in the file, with its addresses and folders put right for this machine.
    private Dictionary<string, string> Environment(string service, NatsServer nats, ServiceProcess? gateway)
    {
        var environment = ((YamlMappingNode)Services[service]["environment"]).Children.ToDictionary(
            variable => variable.Key.ToString(),
            variable => variable.Value.ToString()
                .Replace("/app/samples", Path.Combine(Tools.RepositoryRoot, "samples", "functions"), StringComparison.Ordinal)
                .Replace("/var/lib/connectors", _state.FullName, StringComparison.Ordinal)
                .Replace("http://127.0.0.1:8080", gateway?.Api.AbsoluteUri.TrimEnd('/') ?? "", StringComparison.Ordinal));
        var (host, port) = service == "gateway" ? ("faas_nats_address", "faas_nats_port") : ("nats_host", "nats_port");
        Assert.Equal("nats", environment[host]);
        environment[host] = "127.0.0.1";
        environment[port] = nats.Port.ToString(CultureInfo.InvariantCulture);
        return environment;
    }

    private static YamlMappingNode Read()
    {
        using var reader = new StreamReader(Path.Combine(Tools.RepositoryRoot, "compose.yaml"));
        var yaml = new YamlStream();
        yaml.Load(new MergingParser(new Parser(reader)));
        return (YamlMappingNode)yaml.Documents[0].RootNode;
    }

    private static bool Has(YamlNode node, string name) => ((YamlMappingNode)node).Children.ContainsKey(new YamlScalarNode(name));

    [GeneratedRegex("ENTRYPOINT \\[.*\"([A-Za-z]+\\.dll)\"\\]")]
    private static partial Regex Entrypoint();

    [GeneratedRegex(@"^[a-z0-9/-]+:\d+\.\d+")]
    private static partial Regex Versioned();
}
