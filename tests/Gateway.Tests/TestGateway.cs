using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using Connectors.Testing;

namespace Connectors.Gateway.Tests;

/// <summary>A real gateway process with directories of its own, and a client that sends exactly what it is told.</summary>
public sealed class TestGateway : IAsyncDisposable
{
    public const string Password = "s3cret";

    private readonly string _home;
    private readonly SocketsHttpHandler _connections = new() { AllowAutoRedirect = false, UseProxy = false, ActivityHeadersPropagator = null };

    private TestGateway(string home, ServiceProcess process)
    {
        _home = home;
        Process = process;
        Http = new HttpClient(_connections) { Timeout = Eventually.Patience };
    }

    public ServiceProcess Process { get; }

    public HttpClient Http { get; }

    public Uri Api => Process.Api;

    public string DataPath => Path.Combine(_home, "data");

    public static string Admin { get; } = "Basic " + Convert.ToBase64String(Encoding.ASCII.GetBytes($"admin:{Password}"));

    /// <summary>Starts a gateway; the embedded provider unless <c>functions_provider_url</c> is among the options.</summary>
    public static Task<TestGateway> StartAsync(NatsServer? nats = null, params (string Name, string Value)[] options) => StartThroughAsync([], nats, options);

    /// <summary>Starts a gateway that another program becomes, as <see cref="ServiceProcess.StartAsync"/> says.</summary>
    public static Task<TestGateway> StartThroughAsync(IReadOnlyList<string> through, NatsServer? nats = null, params (string Name, string Value)[] options) =>
        StartAsync(through, nats, ready: true, options);

    /// <summary>Starts a gateway and waits only for its listeners.</summary>
    public static Task<TestGateway> StartUnreadyAsync(params (string Name, string Value)[] options) => StartAsync([], null, ready: false, options);

    private static async Task<TestGateway> StartAsync(IReadOnlyList<string> through, NatsServer? nats, bool ready, (string Name, string Value)[] options)
    {
        // As an operator would: functions may pass to their own directories, secrets are the gateway's alone.
        var home = Directory.CreateTempSubdirectory("gateway-").FullName;
        File.SetUnixFileMode(home, File.GetUnixFileMode(home) | UnixFileMode.OtherExecute);
        var secrets = Directory.CreateDirectory(Path.Combine(home, "secrets"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute).FullName;
        await File.WriteAllTextAsync(Path.Combine(secrets, "basic-auth-user"), "admin");
        await File.WriteAllTextAsync(Path.Combine(secrets, "basic-auth-password"), Password);
        var environment = new Dictionary<string, string>
        {
            ["secret_mount_path"] = secrets,
            ["data_path"] = Path.Combine(home, "data"),
            ["debug"] = "true",
            ["nats_publish_timeout"] = "60s",
        };
        if (nats is not null)
        {
            environment["faas_nats_address"] = "127.0.0.1";
            environment["faas_nats_port"] = nats.Port.ToString(CultureInfo.InvariantCulture);
        }

        foreach (var (name, value) in options)
        {
            environment[name] = value;
        }

        return new TestGateway(home, await ServiceProcess.StartAsync("Gateway", environment, ready, through));
    }

    /// <summary>Deploys a function whose process is <paramref name="fprocess"/>.</summary>
    public Task DeployAsync(string name, string fprocess, object? annotations = null, object? environment = null) => SystemAsync(
        HttpMethod.Post, "functions", new { service = name, image = "none", envProcess = fprocess, annotations, envVars = environment }, HttpStatusCode.Accepted);

    /// <summary>Deploys an HTTP service as a function.</summary>
    public Task DeployAsync(string name, Uri upstream, object? annotations = null) => SystemAsync(
        HttpMethod.Post, "functions", new { service = name, image = "none", annotations, envVars = new { upstream_url = upstream.AbsoluteUri } }, HttpStatusCode.Accepted);

    /// <summary>A request to <c>/system/</c> with the gateway's credentials.</summary>
    public async Task<string> SystemAsync(HttpMethod method, string path, object? body = null, HttpStatusCode expected = HttpStatusCode.OK)
    {
        using var request = new HttpRequestMessage(method, new Uri(Api, "/system/" + path)) { Content = body is null ? null : JsonContent.Create(body) };
        request.Headers.TryAddWithoutValidation("Authorization", Admin);
        using var response = await Http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(expected == response.StatusCode, $"{method} {path}: {(int)response.StatusCode} {text}");
        return text;
    }

    public async Task<JsonNode> SystemJsonAsync(string path) => JsonNode.Parse(await SystemAsync(HttpMethod.Get, path))!;

    /// <summary>A request with exactly these headers; the path goes out as it stands.</summary>
    public Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, byte[]? body = null, params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(method, new Uri(Api.AbsoluteUri.TrimEnd('/') + path, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }))
        {
            Content = body is null ? null : new ByteArrayContent(body),
        };
        foreach (var (name, value) in headers)
        {
            if (!request.Headers.TryAddWithoutValidation(name, value))
            {
                request.Content!.Headers.TryAddWithoutValidation(name, value);
            }
        }

        return Http.SendAsync(request);
    }

    public Task<HttpResponseMessage> PostAsync(string path, string body, params (string Name, string Value)[] headers) =>
        SendAsync(HttpMethod.Post, path, Encoding.UTF8.GetBytes(body), headers);

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        _connections.Dispose();
        await Process.DisposeAsync();
        Directory.Delete(_home, recursive: true);
    }
}
