using System.Runtime.Versioning;
using Connectors.QueueWorker.Consuming;
using Connectors.Sdk.Hosting;
using Connectors.Testing;
using NATS.Client.JetStream.Models;

namespace Connectors.QueueWorker.Tests;

public sealed class QueueWorkerOptionsTests(SharedNats nats) : IClassFixture<SharedNats>
{
    /// <summary>A value for each option that it must refuse; null where any text is fine.</summary>
    private static readonly Dictionary<string, string?> Bad = new()
    {
        ["faas_nats_channel"] = "Upper",
        ["nats_stream"] = "Upper",
        ["nats_durable"] = null,
        ["default_function_name"] = null,
        ["queue_name"] = "a.b",
        ["faas_nats_address"] = "nats:4222",
        ["faas_nats_port"] = "70000",
        ["nats_host"] = "nats:4222",
        ["nats_port"] = "70000",
        ["nats_user_file"] = "/nowhere",
        ["nats_password_file"] = "/nowhere",
        ["nats_token_file"] = "/nowhere",
        ["nats_nkey_file"] = "/nowhere",
        ["nats_creds_file"] = "/nowhere",
        ["nats_tls"] = "perhaps",
        ["nats_tls_ca_file"] = "/nowhere",
        ["nats_tls_cert_file"] = "/nowhere",
        ["nats_tls_key_file"] = "/nowhere",
        ["nats_stream_storage"] = "disk",
        ["nats_stream_replicas"] = "2",
        ["nats_max_bytes"] = "-2",
        ["nats_max_msgs"] = "many",
        ["nats_duplicate_window"] = "1x",
        ["max_inflight"] = "0",
        ["scaling_mode"] = "dynamic",
        ["ack_wait"] = "10ms",
        ["consumer_inactive_threshold"] = "0",
        ["consumer_pull_max_messages"] = "-1",
        ["queue_partitions"] = "2",
        ["filter_partition"] = "1",
        ["limiter_enabled"] = "yes",
        ["faas_gateway_address"] = "gateway:8080",
        ["faas_gateway_port"] = "0",
        ["gateway_url"] = "gateway:8080",
        ["upstream_timeout"] = "0",
        ["max_retry_attempts"] = "0",
        ["initial_retry_wait"] = "10m",
        ["max_retry_wait"] = "1s",
        ["retry_http_codes"] = "500,abc",
        ["backoff"] = "linear",
        ["breaker_failures"] = "-1",
        ["breaker_min_wait"] = "10m",
        ["breaker_max_wait"] = "soon",
        ["max_result_bytes"] = "-1",
        ["write_debug"] = "2",
        ["callback_timeout"] = "0",
        ["callback_max_age"] = "x",
        ["callback_initial_wait"] = "2h",
        ["callback_max_wait"] = "1s",
        ["callback_max_inflight"] = "0",
        ["allowed_callback_urls"] = "https://example.com/",
        ["callback_allow"] = "127.0.0.*",
        ["callback_private"] = "perhaps",
        ["tls_insecure"] = "maybe",
        ["direct_functions"] = "perhaps",
        ["function_url"] = "http://functions:8080",
        ["history"] = "perhaps",
        ["history_max_age"] = "0",
        ["history_max_bytes"] = "1",
        ["bind_address"] = "localhost",
        ["metrics_port"] = "-1",
        ["grace_period"] = "soon",
        ["debug"] = "x",
        ["log_encoding"] = "xml",
        ["secret_mount_path"] = null,
        ["faas_nats_cluster_name"] = null,
        ["faas_nats_queue_group"] = null,
        ["faas_max_reconnect"] = null,
        ["faas_reconnect_delay"] = null,
        ["faas_function_suffix"] = null,
        ["gateway_invoke"] = null,
        ["faas_print_body"] = null,
        ["basic_auth"] = null,
    };

    [Fact]
    public void Every_option_refuses_a_bad_value_with_one_line()
    {
        var declared = new Settings(new Dictionary<string, string>());
        QueueWorkerOptions.Read(declared);
        Assert.Empty(declared.Errors);
        Assert.Equal(declared.Declared.Select(s => s.Name).Order(), Bad.Keys.Order());

        Assert.All(Bad.Where(b => b.Value is not null), bad =>
        {
            var settings = new Settings(new Dictionary<string, string> { [bad.Key] = bad.Value! });
            QueueWorkerOptions.Read(settings);
            var error = Assert.Single(settings.Errors);
            var name = bad.Key switch
            {
                "initial_retry_wait" => "max_retry_wait",
                "breaker_min_wait" => "breaker_max_wait",
                "callback_initial_wait" => "callback_max_wait",
                _ => bad.Key,
            };
            Assert.StartsWith(name + ": ", error, StringComparison.Ordinal);
            Assert.Contains("; allowed: ", error, StringComparison.Ordinal);
        });
    }

    // As its compose file has it.
    [Fact]
    public void The_environment_of_faasds_queue_worker_leads_to_its_servers()
    {
        var faasd = new Dictionary<string, string>
        {
            ["faas_nats_address"] = "nats",
            ["faas_nats_port"] = "4222",
            ["gateway_invoke"] = "true",
            ["faas_gateway_address"] = "gateway",
            ["ack_wait"] = "5m5s",
            ["max_inflight"] = "1",
            ["write_debug"] = "false",
            ["basic_auth"] = "true",
            ["secret_mount_path"] = "/run/secrets",
        };
        var settings = new Settings(faasd);

        var options = QueueWorkerOptions.Read(settings);

        Assert.Empty(settings.Errors);
        Assert.Empty(faasd.Keys.Except(settings.Declared.Select(declared => declared.Name)));
        Assert.Equal(("nats://nats:4222", "http://gateway:8080/"), (options.Nats.Url, options.Dispatch.Gateway.AbsoluteUri));
        Assert.Equal((1, true), (options.Consuming.MaxInflight, options.Consuming.IsLongLease));
    }

    [Theory]
    [InlineData("faas_nats_address=n faas_nats_port=4333", "nats://n:4333", "http://gateway.openfaas:8080/", "faas-request")]
    [InlineData("faas_nats_address=n faas_nats_port=4333 nats_host=ours", "nats://ours:4222", "http://gateway.openfaas:8080/", "faas-request")]
    [InlineData("faas_nats_address=::1 faas_gateway_address=::1", "nats://[::1]:4222", "http://[::1]:8080/", "faas-request")]
    [InlineData("faas_gateway_address=g faas_gateway_port=81", "nats://nats.openfaas:4222", "http://g:81/", "faas-request")]
    [InlineData("faas_nats_channel=jobs", "nats://nats.openfaas:4222", "http://gateway.openfaas:8080/", "jobs")]
    [InlineData("faas_nats_channel=jobs nats_stream=slow", "nats://nats.openfaas:4222", "http://gateway.openfaas:8080/", "slow")]
    [InlineData("faas_nats_address=n faas_nats_port=1 nats_host=ours nats_port=2 faas_gateway_address=g gateway_url=http://ours:3", "nats://ours:2", "http://ours:3/", "faas-request")]
    public void Names_of_the_Community_Edition_count_where_the_new_ones_are_not_set(string given, string server, string gateway, string queue)
    {
        var settings = new Settings(given.Split(' ').Select(pair => pair.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]));

        var options = QueueWorkerOptions.Read(settings);

        Assert.Empty(settings.Errors);
        Assert.Equal((server, gateway, queue), (options.Nats.Url, options.Dispatch.Gateway.AbsoluteUri, options.Queue));
    }

    [Fact]
    public async Task A_lease_that_is_as_long_as_a_call_may_take_is_warned_of()
    {
        await using var bench = await Bench.StartAsync(options: new() { ["ack_wait"] = "5m5s" }, server: nats.Server);

        var told = await bench.Worker.Process.LineAsync(line => line.Contains("ack_wait is long", StringComparison.Ordinal), "it is told");

        Assert.Contains("upstream_timeout", told, StringComparison.Ordinal);
        Assert.False(QueueWorkerOptions.Read(new Settings(new Dictionary<string, string> { ["ack_wait"] = "2m" })).Consuming.IsLongLease);
    }

    [Theory]
    [InlineData("callback_max_age", "0")]
    [InlineData("callback_max_age", "999ms")]
    [InlineData("callback_initial_wait", "0")]
    [InlineData("callback_initial_wait", "9ms")]
    [InlineData("breaker_min_wait", "0")]
    [InlineData("breaker_max_wait", "0")]
    [InlineData("gateway_url", "http://gateway:8080?x=1")]
    [InlineData("gateway_url", "http://gateway:8080/base?")]
    [InlineData("gateway_url", "http://gateway:8080/#x")]
    [InlineData("function_url", "http://{name}:8080?x=1")]
    [InlineData("function_url", "http://***@{name}:8080")]
    public void What_would_spin_end_everything_or_lead_nowhere_is_refused(string name, string value)
    {
        var settings = new Settings(new Dictionary<string, string> { [name] = value });
        QueueWorkerOptions.Read(settings);

        Assert.StartsWith($"{name}: \"{value}\" is not valid; allowed: ", Assert.Single(settings.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_secret_that_is_no_file_is_refused_at_start()
    {
        var secrets = Directory.CreateTempSubdirectory("secrets-");
        secrets.CreateSubdirectory("callback-secret");

        var (exitCode, output) = await ServiceProcess.RunAsync("QueueWorker", new Dictionary<string, string> { ["secret_mount_path"] = secrets.FullName, ["metrics_port"] = "0" });
        secrets.Delete(recursive: true);

        Assert.Equal(2, exitCode);
        Assert.StartsWith($"secret_mount_path: \"{secrets.FullName}/callback-secret\" is not valid; allowed: a file that this process's user may read, or none (", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("whsec_")]
    [InlineData("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\nwhsec_not base64\n")]
    public async Task A_callback_secret_without_a_usable_line_is_refused_at_start(string text)
    {
        var secrets = Directory.CreateTempSubdirectory("secrets-").FullName;
        await File.WriteAllTextAsync(Path.Combine(secrets, "callback-secret"), text);

        var (exitCode, output) = await ServiceProcess.RunAsync("QueueWorker", new Dictionary<string, string> { ["secret_mount_path"] = secrets, ["metrics_port"] = "0" });
        Directory.Delete(secrets, recursive: true);

        Assert.Equal(2, exitCode);
        Assert.StartsWith($"secret_mount_path: \"{secrets}\" is not valid; allowed: ", output, StringComparison.Ordinal);
        Assert.Contains("whsec_<base64>", output, StringComparison.Ordinal);
        Assert.Contains($"{secrets}/callback-secret", output, StringComparison.Ordinal);
    }

    // Root may read everything, and is an ordinary user here.
    [Theory, SupportedOSPlatform("linux")]
    [InlineData("secret_mount_path", "callback-secret", "callback-secret")]
    [InlineData("secret_mount_path", "callback-secret", "")]
    [InlineData("nats_token_file", "token", "token")]
    public async Task A_secret_that_may_not_be_read_is_refused_at_start(string name, string file, string locked)
    {
        string[] ordinary = Environment.IsPrivilegedProcess ? ["unshare", "--user", "--map-user=65534", "--map-group=65534"] : [];
        Assert.SkipUnless(ordinary.Length == 0 || await EndsAsync([.. ordinary, "true"]) is (0, _), "no user namespaces");
        var secrets = Directory.CreateTempSubdirectory("secrets-").FullName;
        var path = Path.Combine(secrets, file);
        await File.WriteAllTextAsync(path, "whsec_c2VjcmV0");
        File.SetUnixFileMode(Path.Combine(secrets, locked), UnixFileMode.None);

        var (exitCode, output) = await EndsAsync([.. ordinary, "dotnet", ServiceProcess.Assembly("QueueWorker"), $"--{name}={(name == "secret_mount_path" ? secrets : path)}", "--metrics-port=0"]);
        File.SetUnixFileMode(Path.Combine(secrets, locked), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Directory.Delete(secrets, recursive: true);

        Assert.Equal(2, exitCode);
        Assert.StartsWith($"{name}: \"{path}\" is not valid; allowed: a file that this process's user may read", output, StringComparison.Ordinal);

        static async Task<(int ExitCode, string Output)> EndsAsync(string[] command)
        {
            await using var process = ChildProcess.Start(command[0], command[1..]);
            var exitCode = await process.ExitAsync();
            return (exitCode, string.Join('\n', process.Lines));
        }
    }

    [Fact]
    public async Task All_faults_are_told_at_once_and_the_exit_code_is_2()
    {
        var (exitCode, output) = await ServiceProcess.RunAsync("QueueWorker", new Dictionary<string, string> { ["ack_wait"] = "x", ["max_inflight"] = "0" });

        Assert.Equal(2, exitCode);
        Assert.Equal(2, output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Contains("ack_wait", output, StringComparison.Ordinal);
        Assert.Contains("max_inflight", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_older_name_of_the_queue_is_used_when_the_new_one_is_not_set()
    {
        var old = new Settings(new Dictionary<string, string> { ["nats_stream"] = "slow", ["queue_name"] = "" });
        var both = new Settings(new Dictionary<string, string> { ["nats_stream"] = "slow", ["queue_name"] = "fast" });

        Assert.Equal("slow", QueueWorkerOptions.Read(old).Queue);
        Assert.Equal("fast", QueueWorkerOptions.Read(both).Queue);
        Assert.Equal("faas-request", QueueWorkerOptions.Read(new Settings(new Dictionary<string, string>())).Queue);
        var (exitCode, output) = await ServiceProcess.RunAsync("QueueWorker", new Dictionary<string, string> { ["queue_name"] = "fast" }, "--print-config");
        Assert.Equal(0, exitCode);
        Assert.Contains("queue_name=fast", output, StringComparison.Ordinal);
    }

    // The last as a queue-worker of OpenFaaS makes it.
    [Theory]
    [InlineData("retention", ".call.>")]
    [InlineData("subjects", ".>")]
    [InlineData("subjects", "")]
    public async Task A_foreign_stream_of_the_same_name_is_refused_with_the_fix(string field, string subjects)
    {
        await using var bench = await Bench.StartAsync(server: nats.Server, worker: false);
        var config = new StreamConfig(bench.Calls, [bench.Queue + subjects])
        {
            Retention = field == "retention" ? StreamConfigRetention.Limits : StreamConfigRetention.Workqueue,
            Discard = StreamConfigDiscard.Old,
        };
        await bench.JetStream.CreateStreamAsync(config);

        var (exitCode, output) = await ServiceProcess.RunAsync("QueueWorker", bench.Options(new() { ["metrics_port"] = "0" }));

        Assert.Equal(2, exitCode);
        Assert.Contains($"stream {bench.Calls}: {field}", output, StringComparison.Ordinal);
        Assert.Contains("queue_name", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Limits_that_an_operator_sets_reach_an_existing_stream_and_defaults_leave_it_alone()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(server: nats.Server);

        await bench.StartWorkerAsync(new() { ["nats_max_msgs"] = "7" });
        await bench.StartAnotherAsync();

        Assert.Equal(7, (await bench.JetStream.GetStreamAsync(bench.Calls)).Info.Config.MaxMsgs);
    }
}
