using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Endpoints;

/// <summary>A call that waits for its answer: <c>/function/NAME</c>.</summary>
internal sealed class InvokeEndpoint(GatewayOptions options, IProvider provider, EnqueueEndpoint enqueue, TimeProvider time, ILogger<InvokeEndpoint> log)
{
    /// <summary>Whether a call of <c>/function/NAME</c> is to be stored as those of <c>/async-function/NAME</c> are.</summary>
    public static bool IsAsync(HttpRequest request) =>
        HttpMethods.IsPost(request.Method) && request.Headers[CallHeaders.InvokeMode].ToString().Equals("async", StringComparison.OrdinalIgnoreCase);

    public Task HandleAsync(HttpContext http)
    {
        if (IsAsync(http.Request))
        {
            return enqueue.HandleAsync(http, FunctionRoutes.Sync);
        }

        var callId = CallStamp.Apply(http, time);
        if (FunctionPath.Of(http, FunctionRoutes.Sync, options.DefaultNamespace) is not { } path)
        {
            return Answer.TextAsync(http, StatusCodes.Status404NotFound, "No function has such a name.");
        }

        if (options.LogsRequestUri)
        {
            Log.Request(log, http.Request.Method, path.PathAndQuery);
        }

        return CallAsync(http, path, callId);
    }

    private async Task CallAsync(HttpContext http, FunctionPath path, string callId)
    {
        var label = provider.Knows(path.Function) ? path.Function.ToString() : Metrics.NoFunction;
        using var span = CallSpan.Start(http, "call", label, callId);
        var patience = LimitOf(http);
        using var limit = new TimeLimit(patience, time, http.RequestAborted);
        var started = time.GetTimestamp();
        Metrics.CallStarted(label);
        try
        {
            try
            {
                await provider.InvokeAsync(http, path, limit.Token);
            }
            catch (OperationCanceledException) when (limit.Token.IsCancellationRequested)
            {
                await AnswerLateAsync(http, path, patience);
            }
        }
        catch (Exception fault) when (!http.Response.HasStarted)
        {
            // What it is answered with by whoever handles that, for the count and the log.
            http.Response.StatusCode = fault is BadHttpRequestException bad ? bad.StatusCode : StatusCodes.Status500InternalServerError;
            throw;
        }
        finally
        {
            Ended(http, path, callId, label, time.GetElapsedTime(started));
        }
    }

    private static Task AnswerLateAsync(HttpContext http, FunctionPath path, TimeSpan patience)
    {
        if (http.Response.HasStarted)
        {
            http.Abort();
            return Task.CompletedTask;
        }

        return http.RequestAborted.IsCancellationRequested
            ? Task.CompletedTask
            : Answer.TextAsync(http, StatusCodes.Status502BadGateway, $"{path.Function} did not answer within {GoDuration.Format(patience)}.");
    }

    private void Ended(HttpContext http, FunctionPath path, string callId, string label, TimeSpan took)
    {
        var status = http.RequestAborted.IsCancellationRequested && !http.Response.HasStarted ? StatusCodes.Status499ClientClosedRequest : http.Response.StatusCode;
        var function = label == Metrics.NoFunction ? path.Function.ToString() : label;

        // One that was deployed a moment ago may be known by now. Any other name is the caller's choice, however it was answered: a provider may redirect them all.
        var counted = label == Metrics.NoFunction && provider.Knows(path.Function) ? function : label;
        Metrics.CallEnded(label, counted, status, took);
        Log.Called(log, callId, function, http.Request.Method, status, took);
    }

    // On every answer, not only where the time was over: one that has begun is cut without a word.
    private TimeSpan LimitOf(HttpContext http)
    {
        if (!GoDuration.TryParse(http.Request.Headers[WellKnownHeaders.Timeout], out var asked) || asked <= TimeSpan.Zero)
        {
            return options.UpstreamTimeout;
        }

        if (asked <= options.MaxUpstreamTimeout)
        {
            return asked;
        }

        http.Response.Headers[CallHeaders.GrantedTimeout] = GoDuration.Format(options.MaxUpstreamTimeout);
        return options.MaxUpstreamTimeout;
    }
}
