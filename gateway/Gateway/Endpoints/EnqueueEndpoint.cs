using Connectors.Gateway.Enqueueing;

namespace Connectors.Gateway.Endpoints;

/// <summary>A call that is stored and answered with 202: <c>/async-function/NAME</c>. What can be refused is refused before the body is read.</summary>
internal sealed class EnqueueEndpoint(GatewayOptions options, IProvider provider, CallQueue queue, TimeProvider time, ILogger<EnqueueEndpoint> log)
{
    /// <param name="http">The request.</param>
    /// <param name="route">Below which route it came in.</param>
    public Task HandleAsync(HttpContext http, string route)
    {
        var callId = CallStamp.Apply(http, time);
        if (queue.IsOff)
        {
            return Answer.TextAsync(http, StatusCodes.Status404NotFound, QueueOptions.Off);
        }

        if (FunctionPath.Of(http, route, options.DefaultNamespace) is not { } path)
        {
            return Answer.TextAsync(http, StatusCodes.Status404NotFound, "No function has such a name.");
        }

        if (options.LogsRequestUri)
        {
            Log.Request(log, http.Request.Method, path.PathAndQuery);
        }

        return EnqueueAsync(http, path, callId);
    }

    private async Task EnqueueAsync(HttpContext http, FunctionPath path, string callId)
    {
        using var span = CallSpan.Start(http, "enqueue", provider.Knows(path.Function) ? path.Function.ToString() : Metrics.NoFunction, callId);
        var refusal = RefusalOf(http);
        if (refusal is null)
        {
            var lookup = await provider.FindAsync(path.Function, http.RequestAborted);
            refusal = lookup.Kind == LookupKind.Missing
                ? new Refusal(StatusCodes.Status404NotFound, $"There is no function {path.Function}.")
                : await queue.AcceptAsync(http, path, lookup.Function, callId);
        }

        if (refusal is not null)
        {
            await refusal.AnswerAsync(http);
        }
        else
        {
            http.Response.StatusCode = StatusCodes.Status202Accepted;
        }
    }

    private Refusal? RefusalOf(HttpContext http)
    {
        if (HttpMethods.IsPost(http.Request.Method))
        {
            return AcceptRules.Check(http.Request, queue.MaxBodyBytes, options.Queue, time.GetUtcNow());
        }

        http.Response.Headers.Allow = "POST";
        return new Refusal(StatusCodes.Status405MethodNotAllowed, "Async calls are POST.");
    }
}
