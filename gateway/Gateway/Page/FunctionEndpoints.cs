using System.Globalization;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;

namespace Connectors.Gateway.Page;

/// <summary>Functions with what the gateway knows of their calls, page by page: there may be ten thousand.</summary>
internal sealed class FunctionEndpoints(GatewayOptions options, IProvider provider, LiveQueues queues, ConnectorEndpoints connectors, TimeProvider time)
{
    private const int DefaultLimit = 100;
    private const int MaxItems = 1000;
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(2);

    private volatile Listed? _last;

    public async Task ListAsync(HttpContext http)
    {
        var query = http.Request.Query;
        if (!TryNumber(query["limit"], DefaultLimit, out var limit) || limit is < 1 or > MaxItems || !TryNumber(query["offset"], 0, out var offset))
        {
            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, $"limit: 1 to {MaxItems}; offset: how many to leave out.");
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
        await Answer.JsonAsync(http, StatusCodes.Status200OK, new FunctionPage(sorted.Count, [.. sorted.Skip(offset).Take(limit).Select(View)]), PageJson.Default.FunctionPage);
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
        return new FunctionView(
            name.Name,
            name.Namespace,
            function.Image,
            function.Replicas ?? 0,
            function.Ready,
            figures?.Calls ?? 0,
            figures?.Failed ?? 0,
            figures?.P50,
            figures?.P99,
            queue,
            queues.HoldOf(queue, named.FullName),
            Annotation("topic") ?? "",
            Annotation("schedule") ?? "",
            connectors.NextDue(named.FullName));

        string? Annotation(string key) => function.Annotations?.GetValueOrDefault(key);
    }

    private static bool TryNumber(string? text, int fallback, out int number)
    {
        number = fallback;
        return string.IsNullOrEmpty(text) || int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
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

/// <summary>
/// A function; calls, failures and times since this gateway started. <paramref name="Available"/> is null where the provider does not say, <paramref name="Hold"/>
/// unless its calls are held, <paramref name="NextDue"/> unless a connector has told of its schedules.
/// </summary>
internal sealed record FunctionView(
    string Name,
    string Namespace,
    string Image,
    ulong Replicas,
    ulong? Available,
    long Calls,
    long Failed,
    double? P50,
    double? P99,
    string Queue,
    FunctionHold? Hold,
    string Topics,
    string Schedule,
    DateTime? NextDue);
