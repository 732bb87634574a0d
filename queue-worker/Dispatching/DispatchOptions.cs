using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;

namespace Connectors.QueueWorker.Dispatching;

/// <summary>How functions are called and called again.</summary>
internal sealed record DispatchOptions
{
    private const string GatewayHostName = "faas_gateway_address";
    private const string FunctionUrlName = "function_url";
    private const string DefaultFunctionUrl = "http://{name}.{namespace}.svc.cluster.local:8080";
    private const string NamePart = "{name}";
    private const string NamespacePart = "{namespace}";

    private static readonly RetryPolicy RetryDefaults =
        RetryOptions.Defaults(100, TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(120), BackOffKind.Exponential);

    public required Uri Gateway { get; init; }

    /// <summary>Whether functions are called without the gateway.</summary>
    public required bool CallsDirectly { get; init; }

    /// <summary>Where a function is then, with <c>{name}</c> and <c>{namespace}</c> for its own.</summary>
    public required string FunctionUrl { get; init; }

    /// <summary>Bounds one send of a call.</summary>
    public required TimeSpan UpstreamTimeout { get; init; }

    public required RetryPolicy Retry { get; init; }

    public required BreakerPolicy Breaker { get; init; }

    /// <summary>The longest answer kept for a callback.</summary>
    public required long MaxResultBytes { get; init; }

    /// <summary>Whether answers' bodies are logged.</summary>
    public required bool WriteDebug { get; init; }

    public static DispatchOptions Read(Settings settings)
    {
        var options = ReadEach(settings);
        if (!Uri.TryCreate(options.AddressOf(new FunctionName("fn", "ns")), UriKind.Absolute, out var example) || example.Scheme is not ("http" or "https")
            || !options.FunctionUrl.Contains(NamePart, StringComparison.Ordinal) || example.UserInfo.Length + example.Query.Length + example.Fragment.Length > 0)
        {
            settings.Fault(FunctionUrlName, $"an http or https address that holds {NamePart}, without user, password and query, such as {DefaultFunctionUrl}");
        }

        return options;
    }

    /// <summary>Where a function is called without the gateway.</summary>
    public string AddressOf(FunctionName function) => FunctionUrl
        .Replace(NamePart, function.Name, StringComparison.Ordinal)
        .Replace(NamespacePart, function.Namespace, StringComparison.Ordinal)
        .TrimEnd('/');

    private static DispatchOptions ReadEach(Settings settings) => new()
    {
        Gateway = ReadGateway(settings),
        CallsDirectly = settings.Flag("direct_functions", false, "Call functions that the provider lists at function_url, not through the gateway"),
        FunctionUrl = settings.Text(FunctionUrlName, DefaultFunctionUrl, "Where functions are with direct_functions; {name} and {namespace} stand for a function's own"),
        UpstreamTimeout = settings.Duration(
            "upstream_timeout", TimeSpan.FromMinutes(1), "How long one send of a call may take", TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(7)),
        Retry = RetryOptions.Read(settings, "a call", RetryDefaults),
        Breaker = BreakerPolicy.Read(settings),
        MaxResultBytes = settings.LongNumber("max_result_bytes", 16 << 20, "Longest answer kept for a callback; a longer one is reported without its body", 0, 1 << 30),
        WriteDebug = settings.Flag("write_debug", false, "Log the bodies of answers"),
    };

    private static Uri ReadGateway(Settings settings)
    {
        var host = settings.Text(GatewayHostName, "", "Older name of the host in gateway_url, used when that is not set");
        var port = settings.Number("faas_gateway_port", 8080, "Older name of the port in gateway_url, beside faas_gateway_address", 1, 65535);
        if (host.Length > 0 && Uri.CheckHostName(host) == UriHostNameType.Unknown)
        {
            settings.Fault(GatewayHostName, "a host name or an IP address, without scheme and port (that is faas_gateway_port)");
            host = "";
        }

        var address = host.Length == 0 ? "http://gateway.openfaas:8080" : $"http://{(host.Contains(':') && !host.StartsWith('[') ? $"[{host}]" : host)}:{port}";
        return settings.Url("gateway_url", address, "Address of the gateway through which functions are called") ?? new Uri(address);
    }
}
