using Connectors.Provider.Contracts;
using Connectors.Provider.Running;

namespace Connectors.Provider.Tests.Running;

/// <summary>What a function's environment says of how it is run.</summary>
public sealed class WatchdogSettingsTests
{
    [Theory]
    [InlineData("mode", "afterburn", "mode: \"afterburn\" is not known here; allowed: http, or unset for a process for each call")]
    [InlineData("marshal_request", "true", "marshal_request: \"true\" is not possible here; allowed: false, or unset: standard input is the body as it came, and variables tell the rest")]
    [InlineData("max_inflight", "-1", "max_inflight: \"-1\" is not a whole number")]
    [InlineData("exec_timeout", "soon", "exec_timeout: \"soon\" is not valid; allowed: a duration such as 10s, 1m30s or 30 (seconds), from 0s to 1080h")]
    [InlineData("write_timeout", " 46d ", "write_timeout: \"46d\" is not valid; allowed: a duration such as 10s, 1m30s or 30 (seconds), from 0s to 1080h")]
    [InlineData("content_type", "é", "content_type: holds a character that no header may hold; allowed are those of ASCII that can be seen, and spaces")]
    [InlineData("upstream_url", "ftp://x", "upstream_url: \"ftp://x\" is not an http address without a query")]
    [InlineData("http_upstream_url", "http://x/?q", "upstream_url: \"http://x/?q\" is not an http address without a query")]
    public void What_cannot_be_read_is_named(string name, string value, string fault)
    {
        var faults = new List<string>();

        WatchdogSettings.Read(Deployment("cat", (name, value)), faults);

        Assert.Equal(fault, Assert.Single(faults));
    }

    [Fact]
    public void Faults_are_told_all_at_once()
    {
        var faults = new List<string>();

        WatchdogSettings.Read(Deployment("cat '", ("max_inflight", "many"), ("exec_timeout", "long")), faults);

        Assert.Equal(["envProcess", "exec_timeout", "max_inflight"], faults.Select(fault => fault.Split(':')[0]));
        faults.Clear();
        WatchdogSettings.Read(Deployment(null), faults);
        Assert.StartsWith("envProcess: is required: ", Assert.Single(faults), StringComparison.Ordinal);
    }

    [Fact]
    public void Each_variable_means_its_own()
    {
        var settings = WatchdogSettings.Read(
            Deployment(
                null,
                ("fprocess", " serve 'a b' "),
                ("mode", "http"),
                ("upstream_url", "http://127.0.0.1:3000"),
                ("exec_timeout", "0"),
                ("max_inflight", "0"),
                ("write_timeout", "3s"),
                ("ready_path", "ready"),
                ("buffer_http", "1"),
                ("cgi_headers", "false"),
                ("combine_output", "false")),
            []);

        Assert.Equal(["serve", "a b"], settings.Command);
        Assert.Equal((RunMode.Http, (int?)3000, 1ul), (settings.Mode, settings.FixedPort, settings.MaxReplicas));
        Assert.Null(settings.ExecTimeout);
        Assert.Null(settings.MaxInflight);
        Assert.Equal(TimeSpan.FromSeconds(3), settings.GracePeriod);
        Assert.Equal(("/ready", true, false, false), (settings.ReadyPath, settings.BuffersBody, settings.TellsCall, settings.CombinesOutput));
    }

    private static FunctionDeployment Deployment(string? process, params (string Name, string Value)[] variables) =>
        new() { Service = "fn", Namespace = "ns", EnvProcess = process, EnvVars = variables.ToDictionary(variable => variable.Name, variable => variable.Value) };
}
