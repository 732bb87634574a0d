using Connectors.Gateway.Enqueueing;
using Connectors.Gateway.History;
using Connectors.Gateway.Security;
using Connectors.Provider;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;

namespace Connectors.Gateway;

/// <summary>What an operator sets; names and defaults as OpenFaaS's gateway has them where it has them.</summary>
internal sealed record GatewayOptions
{
    private const string WithoutEffect = "Accepted for compatibility, without effect";

    private static readonly TimeSpan Min = TimeSpan.FromMilliseconds(1);

    public required ServiceOptions Service { get; init; }

    /// <summary>Null means the embedded provider.</summary>
    public required Uri? ProviderUrl { get; init; }

    public required Uri? LogsProviderUrl { get; init; }

    public required string DefaultNamespace { get; init; }

    public required TimeSpan ReadTimeout { get; init; }

    public required TimeSpan IdleTimeout { get; init; }

    public required TimeSpan WriteTimeout { get; init; }

    public required TimeSpan UpstreamTimeout { get; init; }

    public required TimeSpan MaxUpstreamTimeout { get; init; }

    public required bool BasicAuth { get; init; }

    public required bool ScaleFromZero { get; init; }

    public required bool LogsRequestUri { get; init; }

    /// <summary>Null means that there is no external scaler.</summary>
    public required int? ScalerPort { get; init; }

    /// <summary>How long new connections are served after SIGTERM.</summary>
    public required TimeSpan DrainDelay { get; init; }

    public required PageOptions Page { get; init; }

    public required QueueOptions Queue { get; init; }

    public required HistoryOptions History { get; init; }

    public required ProviderOptions Embedded { get; init; }

    public static GatewayOptions Read(Settings settings)
    {
        // In the order in which --help and docs/gateway.md list them.
        var provider = Slashed(settings.Url("functions_provider_url", "", "Address of the provider's API; unset means the embedded provider"));
        var service = ServiceOptions.Read(settings, "gateway", metricsPort: 8082, port: 8080, secretMountPath: "/run/secrets");
        var logsProvider = Slashed(settings.Url("logs_provider_url", "", "Address of the log provider; unset means the provider's")) ?? provider;
        var defaultNamespace = settings.Text("function_namespace", "openfaas-fn", "Namespace of functions named without one");
        var readTimeout = Limit(settings, "read_timeout", "How long a caller may take to send its headers, and the whole body of an async call or of a request to /system/ or /ui/");
        var idleTimeout = settings.Duration(
            "idle_timeout", TimeSpan.FromSeconds(620), "How long a connection is kept on which no request comes; longer than a load balancer keeps it (Google's 10 minutes), or a request meets our close", Min);
        var writeTimeout = Limit(settings, "write_timeout", "How long an answer of /system/ may take, a followed log included");
        var upstreamTimeout = Limit(settings, "upstream_timeout", "How long a function may take to answer");
        var maxUpstreamTimeout = settings.Duration(
            "max_upstream_timeout", TimeSpan.FromHours(1), "The longest X-Timeout that a caller may ask for in place of upstream_timeout", Min);
        var basicAuth = settings.Flag("basic_auth", true, "Ask for the credentials of secret_mount_path on /system/; always on with the embedded provider");
        var scaleFromZero = settings.Flag("scale_from_zero", false, "Start functions that have no replicas when they are called (remote provider; the embedded one always does)");
        var logsRequestUri = settings.Text("write_request_uri", "", "Any value: log the address of each call of a function, at once or through a queue").Length > 0;
        var scalerPort = ReadScalerPort(settings);
        var drainDelay = settings.Duration(
            "drain_delay", TimeSpan.Zero, "How long new connections are served after SIGTERM, while /readyz says no, before the listener closes; comes before grace_period", max: TimeSpan.FromHours(1));
        var page = PageOptions.Read(settings);
        var queue = QueueOptions.Read(settings, service.SecretMountPath);
        var history = HistoryOptions.Read(settings);
        var embedded = ProviderOptions.Read(
            settings,
            defaultNamespace,
            writeTimeout,
            [service.SecretMountPath, .. KeyFiles(queue.Nats.Access)],
            [("port", service.Port ?? 0), ("metrics_port", service.MetricsPort), ("scaler_port", scalerPort ?? 0)]);
        PassOver(settings);
        var options = new GatewayOptions
        {
            Service = service,
            ProviderUrl = provider,
            LogsProviderUrl = logsProvider,
            DefaultNamespace = defaultNamespace,
            ReadTimeout = readTimeout,
            IdleTimeout = idleTimeout,
            WriteTimeout = writeTimeout,
            UpstreamTimeout = upstreamTimeout,
            MaxUpstreamTimeout = maxUpstreamTimeout,
            BasicAuth = basicAuth,
            ScaleFromZero = scaleFromZero,
            LogsRequestUri = logsRequestUri,
            ScalerPort = scalerPort,
            DrainDelay = drainDelay,
            Page = page,
            Queue = queue,
            History = history,
            Embedded = embedded,
        };
        options.Check(settings);
        return options;
    }

    // What the charts of OpenFaaS, and faasd, tell gateways of either edition.
    private static void PassOver(Settings settings)
    {
        settings.Text("faas_nats_cluster_name", "faas-cluster", $"{WithoutEffect}: NATS Streaming is not used");
        settings.Number("max_idle_conns", 1024, $"{WithoutEffect}: idle connections are closed after 30 s");
        settings.Number("max_idle_conns_per_host", 1024, $"{WithoutEffect}, as max_idle_conns");
        settings.Text("faas_prometheus_host", "prometheus", $"{WithoutEffect}: invocationCount comes from the gateway's own counters");
        settings.Number("faas_prometheus_port", 9090, $"{WithoutEffect}, as faas_prometheus_host", 0, 65535);
        settings.Text("direct_functions", "", $"{WithoutEffect}: each call goes through the provider; a queue-worker's can go to the functions themselves");
        settings.Text("direct_functions_suffix", "", $"{WithoutEffect}, as direct_functions");
        settings.Text("probe_functions", "", $"{WithoutEffect}: a function is called when its provider says that it is available");
        settings.Text("auth_proxy_url", "", $"{WithoutEffect}: basic_auth guards /system/, and what else signs people in stands before the gateway");
        settings.Text("auth_proxy_pass_body", "", $"{WithoutEffect}, as auth_proxy_url");
        settings.Text("default_target", "", $"{WithoutEffect}: a function without com.openfaas.scale.target has 50");
        settings.Text("metering", "", $"{WithoutEffect}: calls are counted by metrics");
        settings.Text("metering_excluded_namespaces", "", $"{WithoutEffect}, as metering");
        settings.Text("metering_default_memory", "", $"{WithoutEffect}, as metering");
        settings.Text("pprof", "", $"{WithoutEffect}: no profiles are served");
    }

    private static TimeSpan Limit(Settings settings, string name, string meaning) => settings.Duration(name, TimeSpan.FromSeconds(60), meaning, Min);

    private static int? ReadScalerPort(Settings settings)
    {
        var text = settings.Text("scaler_port", "", "Port of KEDA's external scaler (gRPC without TLS); 0 means a free one, told in the log; unset means off");
        if (text.Length == 0)
        {
            return null;
        }

        if (!int.TryParse(text, System.Globalization.NumberStyles.None, null, out var port) || port > 65535)
        {
            settings.Fault("scaler_port", "a whole number from 0 to 65535");
            return null;
        }

        return port;
    }

    private static IEnumerable<string> KeyFiles(BrokerAccess access) =>
        new[] { access.UserFile, access.PasswordFile, access.TokenFile, access.NkeyFile, access.CredsFile, access.KeyFile }.OfType<string>();

    private static Uri? Slashed(Uri? url) => url is null || url.AbsoluteUri.EndsWith('/') ? url : new Uri(url.AbsoluteUri + "/");

    private void Check(Settings settings)
    {
        if (BasicAuth)
        {
            GatewayCredentials.Check(settings, Service.SecretMountPath);
            settings.CheckSecrets(Service.SecretMountPath, PageSessions.ViewersFile);
        }

        if (MaxUpstreamTimeout < UpstreamTimeout)
        {
            settings.Fault("max_upstream_timeout", $"at least upstream_timeout, which is {GoDuration.Format(UpstreamTimeout)}");
        }

        if (ProviderUrl is null && !BasicAuth)
        {
            settings.Fault("basic_auth", "true: without functions_provider_url the gateway starts processes itself, which is never open to everyone");
        }

        if (!new Sdk.Invocation.FunctionName("f", DefaultNamespace).IsValid)
        {
            settings.Fault("function_namespace", "letters, digits, - _ and .");
        }
    }
}
