using Connectors.Provider.Contracts;

namespace Connectors.Provider.Running;

/// <summary>What a function's environment says of how it is run, in the words of OpenFaaS's watchdogs.</summary>
internal sealed record WatchdogSettings
{
    public const string PortHint = "leave it out, and each process gets a port of its own as PORT";
    public const string OnePortRule = $"upstream_url names a port, so there can be one process only; {PortHint}";

    /// <summary>Program and arguments; empty for an existing HTTP service.</summary>
    public required IReadOnlyList<string> Command { get; init; }

    public required RunMode Mode { get; init; }

    /// <summary>Where an HTTP function listens.</summary>
    public required Uri? UpstreamUrl { get; init; }

    /// <summary>Null for none but the gateway's own.</summary>
    public required TimeSpan? ExecTimeout { get; init; }

    /// <summary>Null for no limit.</summary>
    public required int? MaxInflight { get; init; }

    public required bool CombinesOutput { get; init; }

    /// <summary>Whether a forked process is told of its call by variables.</summary>
    public required bool TellsCall { get; init; }

    /// <summary>Whether a function that speaks HTTP gets each body with its length, for it may know no chunks.</summary>
    public required bool BuffersBody { get; init; }

    public required string? ContentType { get; init; }

    /// <summary>What a staying process answers with 200 once it is ready; null for an open port.</summary>
    public required string? ReadyPath { get; init; }

    /// <summary>How long a staying process may take to end.</summary>
    public required TimeSpan GracePeriod { get; init; }

    /// <summary>The port of this machine, by whatever name it is called, on which its one process listens; null if each process is given one.</summary>
    public int? FixedPort => Mode == RunMode.Http && UpstreamUrl is { Port: > 0 and var port } ? port : null;

    /// <summary>The most replicas that it can have.</summary>
    public ulong MaxReplicas => FixedPort is null ? MinReplicas.Max : 1;

    /// <summary>Reads a deployment; faults are added to <paramref name="faults"/>, one line each.</summary>
    public static WatchdogSettings Read(FunctionDeployment deployment, IList<string> faults)
    {
        var fields = new TextFields(deployment.EnvVars, "", "", faults);
        var process = First(deployment.EnvProcess, fields.Text("fprocess"), fields.Text("function_process"));
        var upstream = First(fields.Text("upstream_url"), fields.Text("http_upstream_url"));
        if (process is null && upstream is null)
        {
            faults.Add("envProcess: is required: images are not run here; give the command as envProcess (fprocess), or upstream_url for a service that runs already");
        }

        return new WatchdogSettings
        {
            Command = CommandOf(process, faults),
            UpstreamUrl = AddressOf(upstream, faults),
            Mode = ModeOf(process, fields),
            ExecTimeout = fields.Duration("exec_timeout") is { } limit && limit > TimeSpan.Zero ? limit : null,
            MaxInflight = fields.Number("max_inflight") is { } most && most > 0 ? most : null,
            CombinesOutput = Flag(fields, "combine_output", fields.Text("mode") is not ("streaming" or "serializing")),
            TellsCall = Flag(fields, "cgi_headers", true),
            BuffersBody = Flag(fields, "http_buffer_req_body", false) || Flag(fields, "buffer_http", false),
            ContentType = ContentTypeOf(fields, faults),
            ReadyPath = ReadyPathOf(fields),
            GracePeriod = fields.Duration("write_timeout") ?? TimeSpan.FromSeconds(10),
        };
    }

    private static IReadOnlyList<string> CommandOf(string? process, IList<string> faults)
    {
        if (!CommandWords.TrySplit(process ?? "", out var command))
        {
            faults.Add("envProcess: a quote is not closed (fprocess in a stack file)");
        }

        return command;
    }

    private static Uri? AddressOf(string? upstream, IList<string> faults)
    {
        Uri? url = null;
        if (upstream is not null && (!Uri.TryCreate(upstream, UriKind.Absolute, out url) || url.Scheme is not ("http" or "https") || url.Query.Length + url.Fragment.Length > 0))
        {
            faults.Add($"upstream_url: \"{upstream}\" is not an http address without a query");
        }

        return url;
    }

    private static RunMode ModeOf(string? process, TextFields fields)
    {
        if (process is null)
        {
            return RunMode.Service;
        }

        switch (fields.Text("mode"))
        {
            case "http":
                return RunMode.Http;
            case "streaming" or "serializing":
                return RunMode.Fork;
            case null or "fork":
                if (Flag(fields, "marshal_request", false))
                {
                    fields.Fault("marshal_request", "is not possible here; allowed: false, or unset: standard input is the body as it came, and variables tell the rest");
                }

                return RunMode.Fork;
            default:
                fields.Fault("mode", "is not known here; allowed: http, or unset for a process for each call");
                return RunMode.Fork;
        }
    }

    private static string? ContentTypeOf(TextFields fields, IList<string> faults)
    {
        var text = fields.Text("content_type");
        if (text?.Any(c => c is < ' ' or > '~') != true)
        {
            return text;
        }

        faults.Add("content_type: holds a character that no header may hold; allowed are those of ASCII that can be seen, and spaces");
        return null;
    }

    private static string? ReadyPathOf(TextFields fields)
    {
        if (fields.Text("ready_path") is not { } text)
        {
            return null;
        }

        var path = "/" + text.TrimStart('/');
        if (!Uri.TryCreate(new Uri("http://127.0.0.1"), path, out _))
        {
            fields.Fault("ready_path", "is not a path such as /_/health");
        }

        return path;
    }

    private static bool Flag(TextFields fields, string name, bool fallback) => fields.Text(name) switch { null => fallback, var text => text is "true" or "1" };

    private static string? First(params ReadOnlySpan<string?> candidates)
    {
        foreach (var candidate in candidates)
        {
            if (!string.IsNullOrWhiteSpace(candidate))
            {
                return candidate.Trim();
            }
        }

        return null;
    }
}

/// <summary>How a function is run.</summary>
internal enum RunMode
{
    /// <summary>A process for each call.</summary>
    Fork,

    /// <summary>Processes that stay, and speak HTTP.</summary>
    Http,

    /// <summary>An HTTP service that somebody else runs.</summary>
    Service,
}
