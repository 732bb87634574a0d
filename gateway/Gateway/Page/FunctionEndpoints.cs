using System.Globalization;
using Connectors.Sdk.Invocation;

namespace Connectors.Gateway.Page;

/// <summary>Functions with what the gateway knows of their calls, page by page: there may be ten thousand.</summary>
internal sealed class FunctionEndpoints(GatewayOptions options, IProvider provider, LiveQueues queues)
{
    private const int DefaultLimit = 100;
    private const int MaxItems = 1000;

    public async Task ListAsync(HttpContext http)
    {
        var query = http.Request.Query;
        if (!TryNumber(query["limit"], DefaultLimit, out var limit) || limit is < 1 or > MaxItems || !TryNumber(query["offset"], 0, out var offset))
        {
            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, $"limit: 1 to {MaxItems}; offset: how many to leave out.");
            return;
        }

        IReadOnlyList<FunctionStatus> all;
        try
        {
            all = await provider.ListAsync(http.RequestAborted);
        }
        catch (HttpRequestException fault)
        {
            await Answer.TextAsync(http, StatusCodes.Status502BadGateway, $"The provider cannot be asked: {fault.Message}");
            return;
        }

        var text = query["filter"].ToString();
        var found = all.Select(function => (Name: new FunctionName(function.Name, function.Namespace ?? options.DefaultNamespace), Function: function))
            .Where(one => one.Name.ToString().Contains(text, StringComparison.OrdinalIgnoreCase))
            .Select(one => View(one.Name, one.Function));
        var sorted = (query["sort"].ToString() switch
        {
            "calls" => found.OrderByDescending(one => one.Calls),
            "failed" => found.OrderByDescending(one => one.Calls > 0 ? (double)one.Failed / one.Calls : 0),
            "p99" => found.OrderByDescending(one => one.P99 ?? 0),
            _ => found.OrderBy(one => 0),
        }).ThenBy(one => one.Name, StringComparer.Ordinal).ThenBy(one => one.Namespace, StringComparer.Ordinal).ToList();
        await Answer.JsonAsync(http, StatusCodes.Status200OK, new FunctionPage(sorted.Count, [.. sorted.Skip(offset).Take(limit)]), PageJson.Default.FunctionPage);
    }

    private FunctionView View(FunctionName name, FunctionStatus function)
    {
        var figures = Metrics.FiguresOf(name.ToString());
        var queue = Annotation("com.openfaas.queue") is { Length: > 0 } own ? own : options.Queue.DefaultQueue;
        return new FunctionView(
            name.Name,
            name.Namespace,
            function.Image,
            function.Replicas ?? 0,
            function.AvailableReplicas ?? 0,
            figures?.Calls ?? 0,
            figures?.Failed ?? 0,
            figures?.P50,
            figures?.P99,
            queue,
            queues.HoldOf(queue, name.ToString()),
            Annotation("topic") ?? "",
            Annotation("schedule") ?? "");

        string? Annotation(string key) => function.Annotations?.GetValueOrDefault(key);
    }

    private static bool TryNumber(string? text, int fallback, out int number)
    {
        number = fallback;
        return string.IsNullOrEmpty(text) || int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }
}

/// <summary>A page of functions.</summary>
/// <param name="Total">How many match.</param>
/// <param name="Items">Those of this page.</param>
internal sealed record FunctionPage(int Total, IReadOnlyList<FunctionView> Items);

/// <summary>A function; calls, failures and times since this gateway started. <paramref name="Hold"/> is null unless its calls are held.</summary>
internal sealed record FunctionView(
    string Name,
    string Namespace,
    string Image,
    ulong Replicas,
    ulong Available,
    long Calls,
    long Failed,
    double? P50,
    double? P99,
    string Queue,
    FunctionHold? Hold,
    string Topics,
    string Schedule);
