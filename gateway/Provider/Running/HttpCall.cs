using System.Globalization;
using Connectors.Provider.Contracts;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Microsoft.AspNetCore.Http.Features;

namespace Connectors.Provider.Running;

/// <summary>A call of a function that speaks HTTP: the request goes on with what follows the function's name as its path.</summary>
internal sealed class HttpCall(FunctionSetup setup, IFunctionForwarder forwarder, long maxKept, TimeProvider time)
{
    /// <summary>Always true: the caller is answered, or gone.</summary>
    public async Task<bool> AnswerAsync(HttpContext caller, FunctionPath path, string address, CancellationToken ct)
    {
        using var limit = setup.Settings.ExecTimeout is { } max ? new TimeLimit(max, time, ct) : null;
        var target = address + (path.Rest.Length > 0 ? path.Rest : "/") + (path.Query.Length > 0 ? "?" + path.Query : "");
        var started = time.GetTimestamp();
        switch ((await ForwardAsync(caller, target, response => Mark(response, started), limit?.Token ?? ct)).Kind)
        {
            case ForwardKind.Unreachable:
                await InternalError.AnswerAsync(caller, StatusCodes.Status500InternalServerError, InternalError.Proxy, $"Can't reach service for: {setup.Name.Name}.");
                break;
            case ForwardKind.TimedOut when !ct.IsCancellationRequested:
                await InternalError.AnswerAsync(
                    caller, StatusCodes.Status504GatewayTimeout, InternalError.Watchdog, "The function did not answer within its exec_timeout.");
                break;
            case ForwardKind.TimedOut:
                throw new OperationCanceledException(ct);
        }

        return true;
    }

    private Task<ForwardOutcome> ForwardAsync(HttpContext caller, string target, Action<HttpResponse> onHead, CancellationToken ct) =>
        setup.Settings.BuffersBody && HasUnknownLength(caller) ? ForwardKeptAsync(caller, target, onHead, ct) : forwarder.ForwardAsync(caller, target, onHead, ct);

    // A server that knows no chunks takes a body without a length for an empty one.
    private async Task<ForwardOutcome> ForwardKeptAsync(HttpContext caller, string target, Action<HttpResponse> onHead, CancellationToken ct)
    {
        await using var body = new CallBytes(maxKept);
        try
        {
            if (!await body.ReadAsync(caller.Request.Body, ct))
            {
                await InternalError.AnswerAsync(
                    caller, StatusCodes.Status413PayloadTooLarge, InternalError.Watchdog, $"The body has no length and more than {maxKept} bytes, which are not kept to find it.");
                return new ForwardOutcome(ForwardKind.Answered);
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            return new ForwardOutcome(ForwardKind.TimedOut);
        }

        caller.Request.Body = body.Rewind();
        caller.Request.ContentLength = body.Length;
        return await forwarder.ForwardAsync(caller, target, onHead, ct);
    }

    private static bool HasUnknownLength(HttpContext caller) =>
        caller.Request.ContentLength is null && caller.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == true;

    private void Mark(HttpResponse response, long started)
    {
        response.ContentType = setup.Settings.ContentType ?? response.ContentType;
        response.Headers.TryAdd(WellKnownHeaders.DurationSeconds, time.GetElapsedTime(started).TotalSeconds.ToString("F6", CultureInfo.InvariantCulture));
    }
}
