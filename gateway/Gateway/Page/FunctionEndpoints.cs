using Connectors.Gateway.Queues;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;

namespace Connectors.Gateway.Page;

/// <summary>Functions with what the gateway knows of their calls, page by page: there may be ten thousand.</summary>
internal sealed class FunctionEndpoints(GatewayOptions options, IProvider provider, LiveQueues queues, ConnectorEndpoints connectors, TimeProvider time)
{
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(2);

    private volatile Listed? _last;

    public async Task ListAsync(HttpContext http)
    {
        var query = http.Request.Query;
        if (!QueueQuery.TryLimit(http, out var limit) || !QueueQuery.TryNumber(query["offset"], 0, out var offset) || offset > int.MaxValue)
        {
            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, $"limit: 1 to {QueueQuery.MaxItems}; offset: how many to leave out.");
            return;
        }

        IReadOnlyList<FunctionStatus> all;
        using var wait = new TimeLimit(options.UpstreamTimeout, time, http.RequestAborted);
        try
        {
            all = await AllAsync(wait.Token);
        }
        catch (OperationCanceledException) when (wait.IsOver)
        {
            await Answer.TextAsync(http, StatusCodes.Status502BadGateway, "The provider does not answer in time.");
            return;
        }
        catch (HttpRequestException fault)
        {
            await Answer.TextAsync(http, StatusCodes.Status502BadGateway, $"The provider cannot be asked: {fault.Message}");
            return;
        }

        var text = query["filter"].ToString();
        var found = all.Select(function => new Named(new FunctionName(function.Name, function.Namespace ?? options.DefaultNamespace), function))
            .Where(one => one.FullName.Contains(text, StringComparison.OrdinalIgnoreCase));
        var sorted = (query["sort"].ToString() switch
        {
            "calls" => found.OrderByDescending(one => one.Figures?.Calls ?? 0),
            "failed" => found.OrderByDescending(one => one.Figures is { Calls: > 0 } figures ? (double)figures.Failed / figures.Calls : 0),
            "p99" => found.OrderByDescending(one => one.Figures?.P99 ?? 0),
            _ => found.OrderBy(one => 0),
        }).ThenBy(one => one.Name.Name, StringComparer.Ordinal).ThenBy(one => one.Name.Namespace, StringComparer.Ordinal).ToList();
        await Answer.JsonAsync(http, StatusCodes.Status200OK, new FunctionPage(sorted.Count, [.. sorted.Skip((int)offset).Take(limit).Select(View)]), PageJson.Default.FunctionPage);
    }

    // Of a provider elsewhere, ten thousand functions are megabytes: one list serves everybody who looks within some seconds.
    private async Task<IReadOnlyList<FunctionStatus>> AllAsync(CancellationToken ct)
    {
        if (_last is { } last && time.GetElapsedTime(last.At) < Fresh)
        {
            return last.Functions;
        }

        var at = time.GetTimestamp();
        var all = await provider.ListAsync(ct);
        _last = new Listed(at, all);
        return all;
    }

    private FunctionView View(Named named)
    {
        var (name, function) = (named.Name, named.Function);
        var figures = named.Figures;
        var queue = Annotation("com.openfaas.queue") is { Length: > 0 } own ? own : options.Queue.DefaultQueue;
        return new FunctionView
        {
            Name = name.Name,
            Namespace = name.Namespace,
            Image = function.Image,
            Replicas = function.Replicas ?? 0,
            Available = function.Ready,
            Calls = figures?.Calls ?? 0,
            Failed = figures?.Failed ?? 0,
            P50 = figures?.P50,
            P99 = figures?.P99,
            Queue = queue,
            Hold = queues.HoldOf(queue, named.FullName),
            Topics = Annotation("topic") ?? "",
            Schedule = Annotation("schedule") ?? "",
            NextDue = connectors.NextDue(named.FullName),
        };

        string? Annotation(string key) => function.Annotations?.GetValueOrDefault(key);
    }

    private sealed record Listed(long At, IReadOnlyList<FunctionStatus> Functions);

    private sealed record Named(FunctionName Name, FunctionStatus Function)
    {
        public string FullName { get; } = Name.ToString();

        public FunctionFigures? Figures => Metrics.FiguresOf(FullName);
    }
}

/// <summary>A page of functions.</summary>
/// <param name="Total">How many match.</param>
/// <param name="Items">Those of this page.</param>
internal sealed record FunctionPage(int Total, IReadOnlyList<FunctionView> Items);

/// <summary>A function; calls, failures and times since this gateway started.</summary>
internal sealed record FunctionView
{
    public required string Name { get; init; }

    public required string Namespace { get; init; }

    public required string Image { get; init; }

    public required ulong Replicas { get; init; }

    /// <summary>Null where the provider does not say.</summary>
    public required ulong? Available { get; init; }

    public required long Calls { get; init; }

    public required long Failed { get; init; }

    /// <summary>Seconds within which half of the calls were answered; null before the first.</summary>
    public required double? P50 { get; init; }

    /// <summary>Seconds within which 99 of 100 were.</summary>
    public required double? P99 { get; init; }

    /// <summary>Where its asynchronous calls go.</summary>
    public required string Queue { get; init; }

    /// <summary>Null unless its calls are held.</summary>
    public required FunctionHold? Hold { get; init; }

    public required string Topics { get; init; }

    public required string Schedule { get; init; }

    /// <summary>Null unless a connector has told of its schedules.</summary>
    public required DateTime? NextDue { get; init; }
}
