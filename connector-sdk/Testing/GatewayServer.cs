using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Connectors.Testing;

/// <summary>
/// A real HTTP server on loopback that plays an OpenFaaS gateway towards connectors: it lists functions with the JSON of the gateways out there and
/// writes down the calls of them. It can be stopped and started again on its port.
/// </summary>
public sealed class GatewayServer : IAsyncDisposable
{
    private const string OneFunction = "/system/function/";

    private readonly HttpLedger _ledger;

    private GatewayServer(HttpLedger ledger) => _ledger = ledger;

    /// <summary>The address, with a slash at its end.</summary>
    public Uri Url => _ledger.Url;

    /// <summary>What is listed; swap it as a whole.</summary>
    public IReadOnlyList<ListedFunction> Functions { get; set; } = [];

    /// <summary>How function calls are answered; 200 (202 for async ones) with an empty body unless set.</summary>
    public Func<RecordedRequest, HttpContext, Task> Answer { get; set; } = (_, _) => Task.CompletedTask;

    /// <summary>Credentials that <c>/system/</c> wants, as <c>user:password</c>; null for none.</summary>
    public string? Credentials { get; set; }

    /// <summary>The status that <c>/system/</c> answers with instead of lists; null for lists.</summary>
    public int? SystemStatus { get; set; }

    /// <summary>Whether it can be asked for one function; otherwise it does not know that path.</summary>
    public bool KnowsOneFunction { get; set; } = true;

    /// <summary>Every call of a function so far, in order of arrival.</summary>
    public IReadOnlyList<RecordedRequest> Calls => [.. _ledger.Requests.Where(IsCall)];

    /// <summary>Every request so far, those for lists included.</summary>
    public IReadOnlyCollection<RecordedRequest> Requests => _ledger.Requests;

    /// <summary>Every look at the functions so far.</summary>
    public IReadOnlyList<RecordedRequest> Polls => [.. _ledger.Requests.Where(r => r.Path == "/system/functions")];

    /// <summary>Function calls being answered right now.</summary>
    public int Running => _ledger.RunningAt(IsCallPath);

    /// <summary>Starts a gateway that lists the given functions.</summary>
    public static async Task<GatewayServer> StartAsync(params ListedFunction[] functions)
    {
        GatewayServer? gateway = null;
        var ledger = await HttpLedger.StartAsync((request, http) => gateway!.AnswerAsync(request, http));
        gateway = new GatewayServer(ledger) { Functions = functions };
        return gateway;
    }

    /// <summary>Stops listening and cuts what is running.</summary>
    public Task StopAsync() => _ledger.StopAsync();

    /// <summary>Listens again.</summary>
    public Task StartAgainAsync() => _ledger.StartAgainAsync();

    /// <summary>Waits until so many calls came (of those that match).</summary>
    public Task ReceivesAsync(int count, Func<RecordedRequest, bool>? matching = null) =>
        _ledger.ReceivesAsync(count, request => IsCall(request) && (matching is null || matching(request)));

    /// <summary>Waits until the functions were listed once more from now on, twice to be sure that the first saw all of what was set before.</summary>
    public async Task IsPolledAsync()
    {
        var before = Polls.Count;
        var lists = Math.Max(1, Functions.Select(f => f.Namespace).Distinct().Count());
        await Eventually.HoldsAsync(() => Polls.Count >= before + (2 * lists), "the functions are listed again");
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _ledger.DisposeAsync();

    private static bool IsCall(RecordedRequest request) => IsCallPath(request.Path);

    private static bool IsCallPath(string path) =>
        path.StartsWith("/function/", StringComparison.Ordinal) || path.StartsWith("/async-function/", StringComparison.Ordinal);

    private Task AnswerAsync(RecordedRequest request, HttpContext http)
    {
        if (IsCall(request))
        {
            http.Response.StatusCode = request.Path.StartsWith("/async", StringComparison.Ordinal) ? StatusCodes.Status202Accepted : StatusCodes.Status200OK;
            return Answer(request, http);
        }

        if (SystemStatus is { } status || (Credentials is { } wanted && request.Header("Authorization") != "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(wanted))))
        {
            http.Response.StatusCode = SystemStatus ?? StatusCodes.Status401Unauthorized;
            return http.Response.WriteAsync("no\n");
        }

        var ns = http.Request.Query["namespace"].ToString();
        if (request.Path.StartsWith(OneFunction, StringComparison.Ordinal) && !(KnowsOneFunction && Functions.Any(f => f.Name == request.Path[OneFunction.Length..] && f.Namespace == ns)))
        {
            http.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        }

        http.Response.ContentType = "application/json";
        return http.Response.WriteAsync(request.Path == "/system/namespaces" ? Namespaces() : request.Path.StartsWith(OneFunction, StringComparison.Ordinal) ? "{}" : List(ns));
    }

    private string Namespaces() => JsonSerializer.Serialize(Functions.Select(f => f.Namespace).Where(n => n.Length > 0).Distinct());

    // The keys of FunctionStatus that gateways always write, in their order.
    private string List(string ns) => JsonSerializer.Serialize(Functions.Where(f => f.Namespace == ns).Select(f => new
    {
        name = f.Name,
        image = "ghcr.io/openfaas/alpine:latest",
        @namespace = f.Namespace.Length > 0 ? f.Namespace : null,
        labels = new Dictionary<string, string> { ["com.openfaas.scale.min"] = "1" },
        annotations = f.Annotations,
        invocationCount = 3.0,
        replicas = 1,
        availableReplicas = 1,
        createdAt = "2026-01-02T03:04:05Z",
    }));
}

/// <summary>A function as <see cref="GatewayServer"/> lists it.</summary>
public sealed record ListedFunction(string Name, string Namespace, IReadOnlyDictionary<string, string>? Annotations)
{
    /// <summary>A function in <c>openfaas-fn</c> with the annotation <c>topic</c> and others as pairs of name and value.</summary>
    public static ListedFunction Wanting(string topic, string name, params string[] annotations) => new(
        name,
        "openfaas-fn",
        new[] { "topic", topic }.Concat(annotations).Chunk(2).ToDictionary(pair => pair[0], pair => pair[1]));
}
