using System.Globalization;
using Connectors.Sdk.Hosting;
using Connectors.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Connectors.Gateway.Tests;

public sealed class GatewayOptionsTests
{
    private static readonly Dictionary<string, string> Bad = new()
    {
        ["bind_address"] = "everywhere",
        ["port"] = "65536",
        ["metrics_port"] = "-1",
        ["grace_period"] = "soon",
        ["debug"] = "perhaps",
        ["log_encoding"] = "xml",
        ["functions_provider_url"] = "not an address",
        ["logs_provider_url"] = "ftp://logs/",
        ["function_namespace"] = "no spaces",
        ["read_timeout"] = "1 minute",
        ["idle_timeout"] = "0s",
        ["write_timeout"] = "-5s",
        ["upstream_timeout"] = "0s",
        ["max_upstream_timeout"] = "many",
        ["basic_auth"] = "maybe",
        ["scale_from_zero"] = "2",
        ["scaler_port"] = "70000",
        ["drain_delay"] = "2h",
        ["history_index_max"] = "-1",
        ["ui"] = "perhaps",
        ["ui_session"] = "0s",
        ["faas_nats_address"] = "nats://nats",
        ["faas_nats_port"] = "0",
        ["faas_nats_channel"] = "No Queue",
        ["async"] = "perhaps",
        ["nats_user_file"] = "/no/such/file",
        ["nats_password_file"] = "/no/such/file",
        ["nats_token_file"] = "/no/such/file",
        ["nats_nkey_file"] = "/no/such/file",
        ["nats_creds_file"] = "/no/such/file",
        ["nats_tls_ca_file"] = "/no/such/file",
        ["nats_tls_cert_file"] = "/no/such/file",
        ["nats_tls_key_file"] = "/no/such/file",
        ["nats_tls"] = "sometimes",
        ["nats_publish_timeout"] = "1ms",
        ["nats_stream_storage"] = "tape",
        ["nats_stream_replicas"] = "2",
        ["nats_max_bytes"] = "lots",
        ["nats_max_msgs"] = "-2",
        ["nats_duplicate_window"] = "never",
        ["max_body_bytes"] = "0",
        ["max_delay"] = "8d",
        ["result_max_age"] = "25h",
        ["call_api_auth"] = "perhaps",
        ["functions_path"] = "/no/such/file.yaml",
        ["max_output_bytes"] = "0",
        ["function_isolation"] = "perhaps",
        ["function_user"] = "0",
        ["max_idle_conns"] = "x",
        ["max_idle_conns_per_host"] = "x",
        ["faas_prometheus_port"] = "x",
    };

    // Any text is a value of these.
    private static readonly string[] Free =
    [
        "secret_mount_path", "write_request_uri", "faas_nats_cluster_name", "faas_prometheus_host", "data_path", "direct_functions", "direct_functions_suffix", "probe_functions",
        "auth_proxy_url", "auth_proxy_pass_body", "default_target", "metering", "metering_excluded_namespaces", "metering_default_memory", "pprof",
    ];

    [Fact]
    public async Task Every_bad_option_is_told_in_a_line_of_its_own_and_exit_2()
    {
        var (exitCode, output) = await ServiceProcess.RunAsync("Gateway", Bad);
        var lines = output.Split('\n');

        Assert.Equal(2, exitCode);
        Assert.All(Bad, option => Assert.Single(lines, line => line.StartsWith(option.Key + ": ", StringComparison.Ordinal)));
        Assert.All(lines, line => Assert.Contains("allowed: ", line, StringComparison.Ordinal));
    }

    [Fact]
    public void The_bad_values_above_are_of_every_option()
    {
        var settings = new Settings(new Dictionary<string, string>());
        GatewayOptions.Read(settings);

        Assert.Equal(settings.Declared.Select(s => s.Name).Order(), Bad.Keys.Concat(Free).Order());
    }

    [Fact]
    public void Defaults_are_those_of_OpenFaaS()
    {
        var options = GatewayOptions.Read(new Settings(new Dictionary<string, string> { ["functions_provider_url"] = "http://provider:8081" }));

        Assert.Equal(8080, options.Service.Port);
        Assert.Equal(8082, options.Service.MetricsPort);
        Assert.Equal(TimeSpan.FromSeconds(60), options.UpstreamTimeout);
        Assert.Equal("http://provider:8081/", options.ProviderUrl!.AbsoluteUri);
        Assert.Equal(options.ProviderUrl, options.LogsProviderUrl);
        Assert.True(options.BasicAuth);
        Assert.False(options.ScaleFromZero);
        Assert.Equal("faas-request", options.Queue.DefaultQueue);
        Assert.False(options.Queue.Nats.IsSet);
    }

    // As its compose file has it.
    [Fact]
    public void The_environment_of_faasds_gateway_is_known_and_leads_to_its_servers()
    {
        var secrets = Directory.CreateTempSubdirectory("secrets-");
        var faasd = new Dictionary<string, string>
        {
            ["basic_auth"] = "true",
            ["functions_provider_url"] = "http://faasd-provider:8081/",
            ["direct_functions"] = "false",
            ["read_timeout"] = "60s",
            ["write_timeout"] = "60s",
            ["upstream_timeout"] = "65s",
            ["faas_nats_address"] = "nats",
            ["faas_nats_port"] = "4222",
            ["secret_mount_path"] = secrets.FullName,
            ["scale_from_zero"] = "true",
            ["function_namespace"] = "openfaas-fn",
        };
        var settings = new Settings(faasd);

        var options = GatewayOptions.Read(settings);
        secrets.Delete();

        Assert.Empty(settings.Errors);
        Assert.Empty(faasd.Keys.Except(settings.Declared.Select(declared => declared.Name)));
        Assert.Equal(("http://faasd-provider:8081/", "nats://nats:4222", true), (options.ProviderUrl!.AbsoluteUri, options.Queue.Nats.Url, options.Queue.Nats.IsSet));
    }

    [Theory]
    [InlineData("true", true)]
    [InlineData("", true)]
    [InlineData("false", false)]
    public void Async_calls_are_off_where_that_is_said_though_there_is_NATS(string given, bool isOn) => Assert.Equal(
        isOn, GatewayOptions.Read(new Settings(new Dictionary<string, string> { ["faas_nats_address"] = "nats", ["async"] = given })).Queue.Nats.IsSet);

    [Theory]
    [InlineData("basic-auth-user", "true", true)]
    [InlineData("basic-auth-password", "true", true)]
    [InlineData("ui_viewers", "true", true)]
    [InlineData("basic-auth-password", "false", false)]
    public void Credentials_that_cannot_be_read_are_refused_if_they_are_asked_for(string file, string basicAuth, bool isRefused)
    {
        var secrets = Directory.CreateTempSubdirectory("secrets-");
        secrets.CreateSubdirectory(file);
        var settings = new Settings(new Dictionary<string, string> { ["functions_provider_url"] = "http://provider:8081", ["secret_mount_path"] = secrets.FullName, ["basic_auth"] = basicAuth });

        _ = GatewayOptions.Read(settings);
        secrets.Delete(recursive: true);

        Assert.Equal(isRefused, settings.Errors.Any(error => error.StartsWith($"secret_mount_path: \"{secrets.FullName}/{file}\" is not valid", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("", "00:10:20")]
    [InlineData("75s", "00:01:15")]
    public async Task The_listener_keeps_idle_connections_for_idle_timeout(string given, string kept)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.AddGatewayOptions(GatewayOptions.Read(new Settings(new Dictionary<string, string> { ["idle_timeout"] = given })));
        await using var app = builder.Build();

        Assert.Equal(TimeSpan.Parse(kept, CultureInfo.InvariantCulture), app.Services.GetRequiredService<IOptions<KestrelServerOptions>>().Value.Limits.KeepAliveTimeout);
    }

    [Fact]
    public void The_embedded_provider_is_never_open()
    {
        var settings = new Settings(new Dictionary<string, string> { ["basic_auth"] = "false" });
        GatewayOptions.Read(settings);

        Assert.StartsWith("basic_auth: ", Assert.Single(settings.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_password_is_made_once_if_none_is_given()
    {
        var home = Directory.CreateTempSubdirectory("password-").FullName;
        var secrets = Path.Combine(home, "secrets");
        var environment = new Dictionary<string, string> { ["secret_mount_path"] = secrets, ["data_path"] = Path.Combine(home, "data") };
        await using (await ServiceProcess.StartAsync("Gateway", environment))
        {
            Assert.Equal("admin", await File.ReadAllTextAsync(Path.Combine(secrets, "basic-auth-user")));
        }

        var password = await File.ReadAllTextAsync(Path.Combine(secrets, "basic-auth-password"));
        await using (var again = await ServiceProcess.StartAsync("Gateway", environment))
        {
            Assert.Equal(32, password.Length);
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(secrets, "basic-auth-password")));
            Assert.Equal(password, await File.ReadAllTextAsync(Path.Combine(secrets, "basic-auth-password")));
            Assert.DoesNotContain(password, again.Process.Tail(), StringComparison.Ordinal);
        }

        Directory.Delete(home, recursive: true);
    }

    [Fact]
    public async Task A_gateway_with_a_remote_provider_and_no_credentials_ends_with_exit_2_and_names_the_ways_out()
    {
        var secrets = Directory.CreateTempSubdirectory("secrets-");
        var environment = new Dictionary<string, string>
        {
            ["functions_provider_url"] = "http://127.0.0.1:9/",
            ["secret_mount_path"] = secrets.FullName,
            ["port"] = "0",
            ["metrics_port"] = "0",
        };

        var (exitCode, output) = await ServiceProcess.RunAsync("Gateway", environment);
        secrets.Delete();

        Assert.Equal(2, exitCode);
        Assert.Contains($"{secrets.FullName} holds no basic-auth-user and basic-auth-password; put them there, or set basic_auth=false", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stack_file_that_is_none_ends_the_gateway_with_exit_2()
    {
        var home = Directory.CreateTempSubdirectory("stack-").FullName;
        var stack = Path.Combine(home, "functions.yaml");
        await File.WriteAllTextAsync(stack, "functions:\n  bad_name:\n    image: x\n  nothing:\n    image: y\n");
        var environment = new Dictionary<string, string>
        {
            ["secret_mount_path"] = home,
            ["data_path"] = Path.Combine(home, "data"),
            ["functions_path"] = stack,
            ["port"] = "0",
            ["metrics_port"] = "0",
        };

        var (exitCode, output) = await ServiceProcess.RunAsync("Gateway", environment);

        Assert.Equal(2, exitCode);
        Assert.Contains("line 3: functions.bad_name: service: (bad_name) is invalid", output, StringComparison.Ordinal);
        Assert.Contains("line 5: functions.nothing: envProcess: is required", output, StringComparison.Ordinal);
        Directory.Delete(home, recursive: true);
    }
}
