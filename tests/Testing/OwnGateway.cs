using System.Globalization;
using System.Text.Json;

namespace Connectors.Testing;

/// <summary>Our own gateway as a process, with one function, which is an HTTP service of the test's.</summary>
public sealed class OwnGateway : IAsyncDisposable
{
    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("gateway-");
    private ServiceProcess? _process;

    private OwnGateway()
    {
    }

    /// <summary>Its address.</summary>
    public Uri Url => (_process ?? throw new InvalidOperationException("The gateway was not started.")).Api;

    /// <summary>The directory with its credentials, for a connector's <c>secret_mount_path</c>.</summary>
    public string Secrets => _home.FullName;

    /// <summary>Starts one.</summary>
    /// <param name="nats">Where it stores asynchronous calls.</param>
    /// <param name="name">The function's name.</param>
    /// <param name="function">The function.</param>
    /// <param name="annotations">Its annotations.</param>
    /// <param name="options">More of the gateway's options.</param>
    public static Task<OwnGateway> StartAsync(
        NatsServer nats, string name, Uri function, IReadOnlyDictionary<string, string> annotations, params (string Name, string Value)[] options) =>
        StartAsync(nats, name, new Dictionary<string, string> { ["upstream_url"] = function.AbsoluteUri }, annotations, options);

    /// <summary>Starts one whose function has this environment, <c>upstream_url</c> among it.</summary>
    public static async Task<OwnGateway> StartAsync(
        NatsServer nats,
        string name,
        IReadOnlyDictionary<string, string> function,
        IReadOnlyDictionary<string, string> annotations,
        params (string Name, string Value)[] options)
    {
        var gateway = new OwnGateway();
        var stack = new
        {
            version = "1.0",
            provider = new { name = "openfaas" },
            functions = new Dictionary<string, object> { [name] = new { image = "test/none", annotations, environment = function } },
        };

        // JSON is YAML, too.
        await gateway.WriteAsync("functions.yaml", JsonSerializer.Serialize(stack));
        await gateway.WriteAsync("basic-auth-user", "admin");
        await gateway.WriteAsync("basic-auth-password", "s3cret");
        var environment = options.ToDictionary(o => o.Name, o => o.Value);
        environment["faas_nats_address"] = "127.0.0.1";
        environment["faas_nats_port"] = nats.Port.ToString(CultureInfo.InvariantCulture);
        environment["functions_path"] = Path.Combine(gateway.Secrets, "functions.yaml");
        environment["data_path"] = Path.Combine(gateway.Secrets, "data");
        environment["secret_mount_path"] = gateway.Secrets;
        environment["nats_publish_timeout"] = "20s";
        gateway._process = await ServiceProcess.StartAsync("Gateway", environment);
        return gateway;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await (_process?.DisposeAsync() ?? ValueTask.CompletedTask);
        _home.Delete(recursive: true);
    }

    private Task WriteAsync(string name, string text) => File.WriteAllTextAsync(Path.Combine(Secrets, name), text);
}
