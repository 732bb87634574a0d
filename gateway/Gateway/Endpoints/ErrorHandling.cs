using Connectors.Gateway.Enqueueing;
using Connectors.Gateway.Forwarding;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Endpoints;

/// <summary>
/// The edge around every request: what no room foresaw ends as an answer with call id and reason, and each error that the gateway makes itself leaves one line
/// in the log with what was behind it.
/// </summary>
internal sealed class ErrorHandling(ILogger<ErrorHandling> log)
{
    public async Task InvokeAsync(HttpContext http, RequestDelegate next)
    {
        try
        {
            await next(http);
        }
        catch (Exception) when (http.RequestAborted.IsCancellationRequested)
        {
            // Nobody is left to be answered, which is counted as such.
            if (!http.Response.HasStarted)
            {
                http.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
            }
        }
        catch (BadHttpRequestException fault) when (fault.StatusCode == StatusCodes.Status408RequestTimeout)
        {
            await AnswerAsync(http, fault.StatusCode, "The body did not come in time.", fault.Message);
        }
        catch (BadHttpRequestException fault)
        {
            await AnswerAsync(http, fault.StatusCode, $"The request is malformed: {fault.Message}", fault.Message);
        }
        catch (Exception fault)
        {
            await AnswerAsync(http, StatusCodes.Status500InternalServerError, "The gateway failed over this request; its log has the cause under the call id.", fault.ToString());
        }

        Tell(http);
    }

    private static async Task AnswerAsync(HttpContext http, int status, string text, string cause)
    {
        http.Features.Set(new FailureCause(cause));
        if (http.Response.HasStarted)
        {
            http.Abort();
            return;
        }

        // The server takes away what was set when it refuses the rest of a body; the request was stamped with the same id.
        var callId = http.Response.Headers[WellKnownHeaders.CallId];
        if (callId.Count == 0 && CallId.IsOne(http.Request.Headers[WellKnownHeaders.CallId].ToString()))
        {
            callId = http.Request.Headers[WellKnownHeaders.CallId];
        }

        // Whether the caller asks for it, or the gateway stops.
        var closes = http.Response.Headers.Connection == "close";
        http.Response.Clear();
        http.Response.Headers[WellKnownHeaders.CallId] = callId;
        if (closes)
        {
            http.Response.Headers.Connection = "close";
        }

        if (status >= StatusCodes.Status500InternalServerError)
        {
            http.Response.Headers[WellKnownHeaders.Internal] = "gateway";
        }

        await Answer.TextAsync(http, status, text);
    }

    private void Tell(HttpContext http)
    {
        var cause = http.Features.Get<FailureCause>()?.Text;
        if (cause is null && http.Response.StatusCode < StatusCodes.Status500InternalServerError)
        {
            return;
        }

        var reason = http.Items[Answer.Reason] as string;
        if (cause is null && reason is null)
        {
            return;
        }

        Log.ErrorAnswered(
            log, http.Response.Headers[WellKnownHeaders.CallId].ToString(), http.Request.Method, http.Request.Path.Value ?? "", http.Response.StatusCode, reason ?? "", cause ?? "");
    }
}
