namespace Connectors.Sdk.Hosting;

/// <summary>What every connector lets an operator set, under the names of OpenFaaS's own connectors and some of ours.</summary>
public sealed record ConnectorOptions
{
    /// <summary>The gateway; a path of its own is kept.</summary>
    public Uri GatewayUrl { get; init; } = new("http://gateway:8080");

    /// <summary>Time between two looks at the gateway's functions.</summary>
    public TimeSpan RebuildInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Time limit of one try to list them.</summary>
    public TimeSpan RebuildTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long one call may take.</summary>
    public TimeSpan UpstreamTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Whether calls are enqueued rather than waited for.</summary>
    public bool Asynchronous { get; init; }

    /// <summary>Content type of events that bring none; empty for none.</summary>
    public string ContentType { get; init; } = "";

    /// <summary>What stands between the topics of one annotation.</summary>
    public string TopicDelimiter { get; init; } = ",";

    /// <summary>Whether <c>*</c> in a topic annotation stands for anything. For a connector to decide, not for its operator.</summary>
    public bool TopicPatterns { get; init; }

    /// <summary>Namespaces whose functions are called; none means all.</summary>
    public IReadOnlyList<string> Namespaces { get; init; } = [];

    /// <summary>Whether a line is logged for each call that succeeded.</summary>
    public bool PrintResponse { get; init; } = true;

    /// <summary>Whether answers' bodies are logged.</summary>
    public bool PrintResponseBody { get; init; }

    /// <summary>Whether events' bodies are logged.</summary>
    public bool PrintRequestBody { get; init; }

    /// <summary>Whether a line is logged for each rebuild of the topic map.</summary>
    public bool PrintSync { get; init; }

    /// <summary>Whether the gateway's <c>/system/</c> wants basic auth.</summary>
    public bool BasicAuth { get; init; }

    /// <summary>Whether events carry the headers of CloudEvents 1.0, binary mode.</summary>
    public bool CloudEvents { get; init; }

    /// <summary>When a function counts as having taken an event.</summary>
    public AckOn AckOn { get; init; }

    /// <summary>How many events may run at once.</summary>
    public int MaxInflight { get; init; } = 50;

    /// <summary>Reads the options.</summary>
    /// <param name="settings">Where from.</param>
    /// <param name="defaults">What holds where nothing is set, and what only the connector decides.</param>
    public static ConnectorOptions Read(Settings settings, ConnectorOptions defaults)
    {
        var options = ReadAll(settings, defaults);
        if (options.BasicAuth)
        {
            GatewayCredentials.Check(settings, ServiceOptions.SecretMountPathIn(settings));
        }

        return options;
    }

    private static ConnectorOptions ReadAll(Settings settings, ConnectorOptions defaults) => defaults with
    {
        GatewayUrl = settings.Url("gateway_url", defaults.GatewayUrl.AbsoluteUri.TrimEnd('/'), "Address of the gateway") ?? defaults.GatewayUrl,
        RebuildInterval = settings.Duration(
            "rebuild_interval", defaults.RebuildInterval, "Time between two looks at the gateway's functions", TimeSpan.FromMilliseconds(10), TimeSpan.FromDays(1)),
        RebuildTimeout = settings.Duration(
            "rebuild_timeout", defaults.RebuildTimeout, "Time limit of one try to list them", TimeSpan.FromMilliseconds(10), TimeSpan.FromDays(1)),
        UpstreamTimeout = settings.Duration(
            "upstream_timeout", defaults.UpstreamTimeout, "How long one call may take", TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(1)),
        Asynchronous = settings.Flag("asynchronous_invocation", defaults.Asynchronous, "Enqueue calls (/async-function/) rather than wait for the answer"),
        ContentType = settings.Text("content_type", defaults.ContentType, "Content type of events that bring none"),
        TopicDelimiter = settings.Text("topic_delimiter", defaults.TopicDelimiter, "What stands between the topics of one annotation"),
        Namespaces = settings.List("namespaces", "", "Namespaces whose functions are called, separated by commas; unset means all"),
        PrintResponse = settings.Flag("print_response", defaults.PrintResponse, "Log a line for each call that succeeded"),
        PrintResponseBody = settings.Flag("print_response_body", defaults.PrintResponseBody, "Log the bodies of answers, up to 64 KiB each"),
        PrintRequestBody = settings.Flag("print_request_body", defaults.PrintRequestBody, "Log the bodies of events"),
        PrintSync = settings.Flag("print_sync", defaults.PrintSync, "Log a line for each rebuild of the topic map"),
        BasicAuth = settings.Flag("basic_auth", defaults.BasicAuth, "Send the secrets basic-auth-user and basic-auth-password to the gateway's /system/"),
        CloudEvents = settings.Flag("cloud_events", defaults.CloudEvents, "Add the headers of CloudEvents 1.0 (binary mode) to each call"),
        AckOn = settings.Choice("ack_on", defaults.AckOn, "When an event counts as taken: success (an answer below 400) or any (any HTTP answer of the function itself; 202 alone if calls are enqueued)"),
        MaxInflight = settings.Number("max_inflight", defaults.MaxInflight, "How many events may run at once", 1, 10_000),
    };
}

/// <summary>When a function counts as having taken an event.</summary>
public enum AckOn
{
    /// <summary>When it answered below 400.</summary>
    Success,

    /// <summary>When it answered at all, as OpenFaaS's own connectors have it, and not the platform in its place; a call that is enqueued, when the gateway has stored it.</summary>
    Any,
}
