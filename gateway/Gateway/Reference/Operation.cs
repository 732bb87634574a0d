using Connectors.Gateway.History;
using Connectors.Gateway.Page;
using Connectors.Gateway.Queues;
using Connectors.Gateway.Security;

namespace Connectors.Gateway.Reference;

/// <summary>What the reference says of one route.</summary>
/// <param name="Method">The verb.</param>
/// <param name="Route">The route, as it is mapped.</param>
/// <param name="Summary">What it does, in one line.</param>
internal sealed record Operation(string Method, string Route, string Summary)
{
    /// <summary>What the JSON of a request is; null for none.</summary>
    public Type? Body { get; init; }

    /// <summary>What the JSON of an answer is; null for an answer without JSON.</summary>
    public Type? Answer { get; init; }

    /// <summary>The status when it was done.</summary>
    public int Status { get; init; } = StatusCodes.Status200OK;

    /// <summary>The query parameters it reads, names of <see cref="Query"/>.</summary>
    public string[] Reads { get; init; } = [];

    /// <summary>Whether a query is refused that says more than that (<see cref="QueryCheck"/>): of routes that OpenFaaS has too, its clients may send what they like.</summary>
    public bool IsStrict => Route.StartsWith(Queues, StringComparison.Ordinal) || Route.StartsWith(Calls, StringComparison.Ordinal);

    /// <summary>Whether something is changed by it, or counted that is to be changed: a filter that came out empty is refused then.</summary>
    public bool IsAct => Method != "GET" || Route.EndsWith("/count", StringComparison.Ordinal);

    /// <summary>What each query parameter means.</summary>
    public static IReadOnlyDictionary<string, string> Query { get; } = new Dictionary<string, string>
    {
        ["after"] = "The page behind this one: its `next`",
        ["all"] = "`true` where no filter is given: that really all of them are meant",
        ["filter"] = "Only functions whose name has this in it",
        ["follow"] = "`true` goes on with what is written from now on",
        ["function"] = "Only of this function: `name`, or `name.namespace`",
        ["instance"] = "Only of this replica",
        ["last"] = "Only those up to this number, which a count gives",
        ["limit"] = "At most so many; of a deletion, in one part",
        ["name"] = "The function",
        ["namespace"] = "The namespace; the default one unless given",
        ["offset"] = "So many are left out first",
        ["queue"] = "Only of this queue",
        ["reason"] = "Only dead letters with this reason",
        ["since"] = "Only what ended from then on (where waiting calls are meant: was accepted; of logs: was written): a time in RFC 3339; of all but logs also a day, or how long ago, such as 90m",
        ["sort"] = "`calls`, `failed` or `p99`, the highest first; by name unless given",
        ["state"] = "Only calls in this state: succeeded, dead, cancelled, expired, or, where waiting calls are meant, theirs; several with commas in between",
        ["tag"] = "Only calls with this tag",
        ["tail"] = "At most so many lines of what was written",
        ["until"] = "Only what ended (of waiting calls: was accepted) before then: a time in RFC 3339, a day, or how long ago",
    };

    private const string Calls = "/system/calls";
    private const string Queues = "/system/queues";
    private const string OneQueue = Queues + "/{queue}";
    private static readonly string[] Waiting = ["function", "queue", "state", "since", "until", "tag"];
    private static readonly string[] Letters = ["function", "reason", "since", "until", "tag"];

    /// <summary>All routes whose answers the gateway makes itself or passes on, but for the calls of functions.</summary>
    public static IReadOnlyList<Operation> All { get; } =
    [
        new("GET", "/async-function/{name}", "The stored result of a call, by its id: 202 until it ended") { Status = 200 },
        new("DELETE", "/async-function/{name}", "Cancels a call by its id") { Status = 202 },

        new("GET", Queues, "Each queue: what lies in it, what is paused") { Answer = typeof(IReadOnlyList<QueueCounts>) },
        new("GET", OneQueue, "One queue, with the same for each function") { Answer = typeof(QueueStats) },
        new("DELETE", OneQueue + "/calls", "Purges waiting, delayed and held calls") { Answer = typeof(Purged), Reads = ["function"] },
        new("GET", OneQueue + "/calls/count", "How many calls a purge would remove") { Answer = typeof(PurgeCount), Reads = ["function"] },
        new("POST", OneQueue + "/pause", "Pauses a queue: calls are accepted, none is started") { Body = typeof(PauseRequest), Answer = typeof(PauseView) },
        new("POST", OneQueue + "/resume", "Resumes a queue") { Status = 204 },
        new("POST", OneQueue + "/functions/{function}/pause", "Pauses one function of a queue") { Body = typeof(PauseRequest), Answer = typeof(PauseView) },
        new("POST", OneQueue + "/functions/{function}/resume", "Resumes one function of a queue") { Status = 204 },
        new("GET", OneQueue + "/delayed", "Delayed calls, in the order in which they were accepted") { Answer = typeof(DelayedPage), Reads = ["function", "limit", "after"] },
        new("GET", OneQueue + "/dead", "Dead letters") { Answer = typeof(DeadLetterPage), Reads = [.. Letters, "limit", "after"] },
        new("DELETE", OneQueue + "/dead", "Deletes dead letters of a kind") { Answer = typeof(Deleted), Reads = [.. Letters, "all", "limit", "after", "last"] },
        new("GET", OneQueue + "/dead/count", "How many dead letters of a kind there are") { Answer = typeof(Counted), Reads = Letters },
        new("GET", OneQueue + "/dead/{seq}", "One dead letter: its body, and its story in the headers X-Dead-*"),
        new("GET", OneQueue + "/dead/{seq}/request", "One dead letter: method, path, query, headers and callback address, without credentials") { Answer = typeof(DeadLetterRequest) },
        new("DELETE", OneQueue + "/dead/{seq}", "Deletes one dead letter") { Status = 204 },
        new("POST", OneQueue + "/dead/{seq}/redrive", "Puts one dead letter back") { Status = 202 },
        new("POST", OneQueue + "/dead/{seq}/edit", "Puts one dead letter back with another body, headers or function") { Body = typeof(DeadEdit), Status = 202 },
        new("GET", OneQueue + "/redrives", "The redrives of many dead letters, the latest first") { Answer = typeof(IReadOnlyList<RedriveJob>) },
        new("POST", OneQueue + "/redrives", "Begins to put many dead letters back") { Body = typeof(RedriveRequest), Answer = typeof(JobStarted), Status = 202 },
        new("GET", OneQueue + "/redrives/{id}", "How far a redrive is") { Answer = typeof(RedriveJob) },
        new("DELETE", OneQueue + "/redrives/{id}", "Stops a redrive") { Answer = typeof(RedriveJob) },

        new("GET", Calls, "Ended calls, newest first") { Answer = typeof(CallPage), Reads = ["function", "queue", "state", "since", "until", "tag", "limit", "after"] },
        new("POST", Calls + "/cancellations", "Cancels all waiting calls of a kind") { Answer = typeof(BulkCancelled), Status = 202, Reads = [.. Waiting, "all"] },
        new("GET", Calls + "/cancellations/count", "How many waiting calls of a kind there are") { Answer = typeof(WaitingCount), Reads = Waiting },
        new("GET", Calls + "/{id}", "The whole story of one call id, running and waiting calls included") { Answer = typeof(CallStories), Reads = ["function", "queue"] },

        new("GET", "/system/functions", "The functions of a namespace") { Answer = typeof(IReadOnlyList<FunctionStatus>), Reads = ["namespace"] },
        new("POST", "/system/functions", "Deploys a function") { Body = typeof(FunctionDeployment), Status = 202 },
        new("PUT", "/system/functions", "Deploys a function again") { Body = typeof(FunctionDeployment), Status = 202 },
        new("DELETE", "/system/functions", "Removes a function") { Body = typeof(DeleteRequest), Status = 202 },
        new("GET", "/system/function/{name}", "One function") { Answer = typeof(FunctionStatus), Reads = ["namespace"] },
        new("POST", "/system/scale-function/{name}", "Scales a function") { Body = typeof(ScaleRequest), Status = 202 },
        new("GET", "/system/secrets", "The names of the secrets") { Answer = typeof(List<FunctionSecret>), Reads = ["namespace"] },
        new("POST", "/system/secrets", "Makes a secret") { Body = typeof(FunctionSecret), Status = 202 },
        new("PUT", "/system/secrets", "Gives a secret another value") { Body = typeof(FunctionSecret), Status = 202 },
        new("DELETE", "/system/secrets", "Removes a secret") { Body = typeof(FunctionSecret), Status = 202 },
        new("GET", "/system/namespaces", "The namespaces") { Answer = typeof(List<string>) },
        new("POST", "/system/namespace", "Makes a namespace, named in the body") { Body = typeof(FunctionNamespace), Status = 201 },
        new("POST", "/system/namespace/{name}", "Makes a namespace") { Body = typeof(FunctionNamespace), Status = 201 },
        new("GET", "/system/namespace/{name}", "One namespace") { Answer = typeof(FunctionNamespace) },
        new("PUT", "/system/namespace/{name}", "Changes a namespace's labels and annotations") { Body = typeof(FunctionNamespace), Status = 202 },
        new("DELETE", "/system/namespace/{name}", "Removes a namespace") { Body = typeof(FunctionNamespace), Status = 202 },
        new("GET", "/system/logs", "A function's log, one JSON object a line") { Answer = typeof(LogMessage), Reads = ["name", "namespace", "instance", "since", "tail", "follow"] },
        new("GET", "/system/info", "Versions of gateway and provider"),
        new("GET", "/system/telemetry", "The provider's telemetry"),

        new("GET", "/system/overview", "All queues as the page shows them") { Answer = typeof(Overview) },
        new("GET", "/system/overview/events", "The same as server-sent events"),
        new("GET", "/system/overview/history", "The queues' last 15 minutes") { Answer = typeof(QueueHistories) },
        new("GET", "/system/overview/acts", "What was changed last, by whom") { Answer = typeof(IReadOnlyList<Act>) },
        new("GET", "/system/overview/functions", "Functions with their figures") { Answer = typeof(FunctionPage), Reads = ["filter", "sort", "limit", "offset"] },
        new("GET", "/system/connectors", "What connectors reported last") { Answer = typeof(IReadOnlyList<ConnectorView>) },
        new("POST", "/system/connectors", "A connector's report of itself") { Body = typeof(ReportedConnector), Status = 202 },
        new("GET", "/ui/session", "Who is logged in") { Answer = typeof(SessionView) },
        new("POST", "/ui/session", "Logs in") { Body = typeof(LoginRequest), Answer = typeof(SessionView) },
        new("DELETE", "/ui/session", "Logs out") { Status = 204 },
        new("GET", "/healthz", "Whether the gateway lives; with a remote provider, what that says"),
    ];

    /// <summary>The operation of a route as it is mapped; null for the root and the page's files.</summary>
    /// <exception cref="InvalidOperationException">Nobody described it.</exception>
    public static Operation? Of(string method, string route)
    {
        var plain = "/" + route.Trim('/').Replace("?}", "}", StringComparison.Ordinal);
        return plain is "/" or "/ui/{**path}" ? null
            : All.FirstOrDefault(operation => operation.Method == (method == "HEAD" ? "GET" : method) && operation.Route == plain)
            ?? throw new InvalidOperationException($"{method} {plain} is mapped, but Operation.All does not tell of it");
    }
}
