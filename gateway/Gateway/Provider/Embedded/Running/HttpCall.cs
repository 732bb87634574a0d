using System.Globalization;
using Connectors.Gateway.Forwarding;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Provider.Embedded.Running;

/// <summary>A call of a function that speaks HTTP: the request goes on with what follows the function's name as its path (openfaas-spec 10.2, 10.3, 10.9).</summary>
internal sealed class HttpCall(FunctionSetup setup, Relay relay, TimeProvider time)
{
    public async Task AnswerAsync(HttpContext caller, FunctionPath path, string address, CancellationToken ct)
    {
        using var limit = setup.Settings.ExecTimeout is { } most ? new CancellationTokenSource(most, time) : new CancellationTokenSource();
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, ct);
        var target = address + (path.Rest.Length > 0 ? path.Rest : "/") + (path.Query.Length > 0 ? "?" + path.Query : "");
        switch (await relay.ForwardAsync(caller, target, Rules(time.GetTimestamp()), either.Token))
        {
            case RelayEnd.Unreachable:
                await InternalError.AnswerAsync(caller, StatusCodes.Status500InternalServerError, InternalError.Proxy, $"Can't reach service for: {setup.Name.Name}.");
                break;
            case RelayEnd.TimedOut when !ct.IsCancellationRequested:
                await InternalError.AnswerAsync(
                    caller, StatusCodes.Status504GatewayTimeout, InternalError.Watchdog, "The function did not answer within its exec_timeout.");
                break;
            case RelayEnd.TimedOut:
                throw new OperationCanceledException(ct);
        }
    }

    private RelayRules Rules(long started) => new(
        GuessesContentType: true,
        OnHead: response =>
        {
            response.ContentType = setup.Settings.ContentType ?? response.ContentType;
            response.Headers.TryAdd(WellKnownHeaders.DurationSeconds, time.GetElapsedTime(started).TotalSeconds.ToString("F6", CultureInfo.InvariantCulture));
        });
}
