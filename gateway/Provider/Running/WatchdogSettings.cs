using System.Collections.Frozen;
using Connectors.Provider.Contracts;
using Connectors.Sdk.Hosting;

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

    /// <summary>Reads a deployment; faults are added to <paramref name="errors"/>, one line each.</summary>
    public static WatchdogSettings Read(FunctionDeployment deployment, IList<string> errors)
    {
        var variables = deployment.EnvVars ?? FrozenDictionary<string, string>.Empty;
        var process = First(deployment.EnvProcess, Value("fprocess"), Value("function_process"));
        var upstream = First(Value("upstream_url"), Value("http_upstream_url"));
        if (!CommandWords.TrySplit(process ?? "", out var command))
        {
            errors.Add("envProcess: a quote is not closed (fprocess in a stack file)");
        }

        Uri? url = null;
        if (upstream is not null && (!Uri.TryCreate(upstream, UriKind.Absolute, out url) || url.Scheme is not ("http" or "https") || url.Query.Length + url.Fragment.Length > 0))
        {
            errors.Add($"upstream_url: \"{upstream}\" is not an http address without a query");
        }

        if (process is null && upstream is null)
        {
            errors.Add("envProcess: is required: images are not run here; give the command as envProcess (fprocess), or upstream_url for a service that runs already");
        }

        var mode = Mode();
        if (mode == RunMode.Fork && Value("mode") is null or "fork" && Flag("marshal_request", false))
        {
            errors.Add($"marshal_request: \"{Value("marshal_request")}\" is not possible here; allowed: false, or unset: standard input is the body as it came, and variables tell the rest");
        }

        return new WatchdogSettings
        {
            Command = command,
            UpstreamUrl = url,
            Mode = mode,
            ExecTimeout = Duration("exec_timeout") is { } limit && limit > TimeSpan.Zero ? limit : null,
            MaxInflight = Number("max_inflight") is { } most && most > 0 ? most : null,
            CombinesOutput = Flag("combine_output", Value("mode") is not ("streaming" or "serializing")),
            TellsCall = Flag("cgi_headers", true),
            BuffersBody = Flag("http_buffer_req_body", false) || Flag("buffer_http", false),
            ContentType = ContentType(),
            ReadyPath = ReadyPath(),
            GracePeriod = Duration("write_timeout") ?? TimeSpan.FromSeconds(10),
        };

        string? Value(string name) => variables.GetValueOrDefault(name)?.Trim() is { Length: > 0 } text ? text : null;

        RunMode Mode()
        {
            if (process is null)
            {
                return RunMode.Service;
            }

            switch (Value("mode"))
            {
                case null or "streaming" or "serializing" or "fork":
                    return RunMode.Fork;
                case "http":
                    return RunMode.Http;
                case var other:
                    errors.Add($"mode: \"{other}\" is not known here; allowed: http, or unset for a process for each call");
                    return RunMode.Fork;
            }
        }

        TimeSpan? Duration(string name)
        {
            var text = Value(name);
            if (text is null)
            {
                return null;
            }

            if (GoDuration.TryParse(text, out var duration, out var allowed))
            {
                return duration;
            }

            errors.Add($"{name}: \"{text}\" is not valid; allowed: {allowed}");
            return null;
        }

        int? Number(string name)
        {
            var text = Value(name);
            if (text is null)
            {
                return null;
            }

            if (int.TryParse(text, System.Globalization.NumberStyles.None, null, out var number))
            {
                return number;
            }

            errors.Add($"{name}: \"{text}\" is not a whole number");
            return null;
        }

        string? ContentType()
        {
            var text = Value("content_type");
            if (text?.Any(c => c is < ' ' or > '~') == true)
            {
                errors.Add("content_type: holds a character that no header may hold; allowed are those of ASCII that can be seen, and spaces");
                return null;
            }

            return text;
        }

        string? ReadyPath()
        {
            if (Value("ready_path") is not { } text)
            {
                return null;
            }

            var path = "/" + text.TrimStart('/');
            if (!Uri.TryCreate(new Uri("http://127.0.0.1"), path, out _))
            {
                errors.Add($"ready_path: \"{text}\" is not a path such as /_/health");
            }

            return path;
        }

        bool Flag(string name, bool fallback) => Value(name) switch { null => fallback, var text => text is "true" or "1" };
    }

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
