using Connectors.Gateway.Enqueueing;
using Connectors.Gateway.Forwarding;
using Connectors.Gateway.Security;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using NATS.Client.Core;

namespace Connectors.Gateway.Endpoints;

/// <summary>What a caller may do with a call it made, by the call's id: <c>GET</c> and <c>DELETE /async-function/CALL-ID</c>.</summary>
internal sealed class CallEndpoint(GatewayOptions options, SystemGuard guard, IProvider provider, Cancellations cancellations, CallResults results)
{
    // Asks for 200 with a result, whatever its status: clients would follow a redirect of the function's, with their caller's headers, and browsers hide one.
    private const string ResultStatus = "X-Result-Status";

    /// <summary>202 whatever became of the call: it may be unknown here and still wait in a queue.</summary>
    public Task CancelAsync(HttpContext http) => GuardAsync(http, async callId =>
    {
        await cancellations.CancelAsync(callId, http.RequestAborted);
        http.Response.StatusCode = StatusCodes.Status202Accepted;
    });

    /// <summary>
    /// 202 while the call has not ended, then the function's own answer, under its own status or under 200; 410 if it was purged, 404 if nothing is known of it.
    /// </summary>
    public Task ResultAsync(HttpContext http) => GuardAsync(http, async callId =>
    {
        if (await results.FindAsync(callId, http.RequestAborted) is not (var record, var body))
        {
            await Answer.TextAsync(http, StatusCodes.Status404NotFound, "No result of such a call is kept.");
            return;
        }

        http.Response.Headers[CallHeaders.CallState] = record.State;
        if (record.State == StoredResult.Queued)
        {
            http.Response.StatusCode = StatusCodes.Status202Accepted;
            return;
        }

        http.Response.StatusCode = http.Request.Headers[ResultStatus] == "200" ? StatusCodes.Status200OK : record.Status is >= 200 and <= 599 ? record.Status : StatusCodes.Status502BadGateway;
        HeaderLines.Set(
            http.Response.Headers,
            [.. record.Headers.Select(header => header with { Value = header.OneLine })],
            header => !HopByHop.Contains(header.Name) && !header.Is("Content-Length") && !header.Is(WellKnownHeaders.CallId) && !header.Is(CallHeaders.CallState));
        http.Response.Headers[CallHeaders.FunctionName] = record.Function;
        http.Response.Headers[CallHeaders.FunctionStatus] = record.Status.ToString();
        http.Response.Headers[WellKnownHeaders.DurationSeconds] = record.Seconds.ToString("F6");
        if (record.IsDropped)
        {
            http.Response.Headers[CallHeaders.ResultDropped] = "size";
        }

        if (http.Response.StatusCode is not (204 or 205 or 304))
        {
            http.Response.ContentLength = body.Length;
            await http.Response.Body.WriteAsync(body, http.RequestAborted);
        }
    });

    private async Task GuardAsync(HttpContext http, Func<string, Task> handle)
    {
        if (!options.Queue.Nats.IsSet)
        {
            await Answer.TextAsync(http, StatusCodes.Status404NotFound, QueueOptions.Off);
            return;
        }

        if (options.Queue.CallApiAuth == CallApiAuth.Basic && !await guard.AdmitsAsync(http))
        {
            return;
        }

        if (provider.Knows(FunctionName.Parse((string)http.Request.RouteValues["name"]!, options.DefaultNamespace)))
        {
            http.Response.Headers.Allow = "POST";
            await Answer.TextAsync(http, StatusCodes.Status405MethodNotAllowed, "This is a function, and async calls are POST; GET and DELETE take a call's id.");
            return;
        }

        var callId = CallId.Of(http, (string)http.Request.RouteValues["name"]!);
        if (!CallId.IsOne(callId))
        {
            await Answer.TextAsync(http, StatusCodes.Status404NotFound, "No call has such an id.");
            return;
        }

        http.Response.Headers[WellKnownHeaders.CallId] = callId;

        try
        {
            await handle(callId);
        }
        catch (NotStoredException fault)
        {
            await Refusal.NotStored($"Not cancelled: {fault.Message}.").AnswerAsync(http);
        }
        catch (Exception fault) when (fault is NatsException || (fault is OperationCanceledException && !http.RequestAborted.IsCancellationRequested))
        {
            await Refusal.NotStored("The queue does not answer.").AnswerAsync(http);
        }
    }
}
