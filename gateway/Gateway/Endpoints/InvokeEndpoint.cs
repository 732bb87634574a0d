using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Endpoints;

/// <summary>A call that waits for its answer: <c>/function/NAME</c>.</summary>
internal sealed class InvokeEndpoint(GatewayOptions options, IProvider provider, EnqueueEndpoint enqueue, TimeProvider time, ILogger<InvokeEndpoint> log)
{
    public async Task HandleAsync(HttpContext http)
    {
        if (HttpMethods.IsPost(http.Request.Method) && http.Request.Headers[CallHeaders.InvokeMode].ToString().Equals("async", StringComparison.OrdinalIgnoreCase))
        {
            await enqueue.HandleAsync(http, FunctionRoutes.Sync);
            return;
        }

        var callId = CallStamp.Apply(http, time);
        if (FunctionPath.Of(http, FunctionRoutes.Sync, options.DefaultNamespace) is not { } path)
        {
            await Answer.TextAsync(http, StatusCodes.Status404NotFound, "No function has such a name.");
            return;
        }

        if (options.LogsRequestUri)
        {
            Log.Request(log, http.Request.Method, path.PathAndQuery);
        }

        var label = provider.Knows(path.Function) ? path.Function.ToString() : Metrics.NoFunction;
        using var span = CallSpan.Start(http, "call", label, callId);
        var started = time.GetTimestamp();
        Metrics.CallStarted(label);
        try
        {
            await InvokeAsync(http, path);
        }
        catch (Exception fault) when (!http.Response.HasStarted)
        {
            // What it is answered with by whoever handles that, for the count and the log.
            http.Response.StatusCode = fault is BadHttpRequestException bad ? bad.StatusCode : StatusCodes.Status500InternalServerError;
            throw;
        }
        finally
        {
            var took = time.GetElapsedTime(started);
            var status = http.RequestAborted.IsCancellationRequested && !http.Response.HasStarted ? 499 : http.Response.StatusCode;
            var function = label == Metrics.NoFunction ? path.Function.ToString() : label;

            // One that was deployed a moment ago may be known by now. Any other name is the caller's choice, however it was answered: a provider may redirect them all.
            var counted = label == Metrics.NoFunction && provider.Knows(path.Function) ? function : label;
            Metrics.CallEnded(label, counted, status, took);
            Log.Called(log, callId, function, http.Request.Method, status, took);
        }
    }

    private async Task InvokeAsync(HttpContext http, FunctionPath path)
    {
        var patience = LimitOf(http.Request);
        using var limit = new TimeLimit(patience, time, http.RequestAborted);
        try
        {
            await provider.InvokeAsync(http, path, limit.Token);
        }
        catch (OperationCanceledException) when (limit.Token.IsCancellationRequested)
        {
            if (http.Response.HasStarted)
            {
                http.Abort();
            }
            else if (!http.RequestAborted.IsCancellationRequested)
            {
                await Answer.TextAsync(http, StatusCodes.Status502BadGateway, $"{path.Function} did not answer within {GoDuration.Format(patience)}.");
            }
        }
    }

    private TimeSpan LimitOf(HttpRequest request)
    {
        if (!GoDuration.TryParse(request.Headers[WellKnownHeaders.Timeout], out var asked) || asked <= TimeSpan.Zero)
        {
            return options.UpstreamTimeout;
        }

        return asked < options.MaxUpstreamTimeout ? asked : options.MaxUpstreamTimeout;
    }
}
