using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Dispatching;

/// <summary>The HTTP request that an envelope asks for: always POST, whatever the caller's verb was (openfaas-spec 3.7).</summary>
internal static class CallRequest
{
    // X-Invoke-Mode would enqueue the call again; the others are set anew.
    private static readonly string[] NotSent =
        [WellKnownHeaders.InvokeMode, WellKnownHeaders.CallId, WellKnownHeaders.DeliveryId, WellKnownHeaders.Attempt, WellKnownHeaders.TraceParent];

    public static FunctionCall From(Envelope envelope, ReadOnlyMemory<byte> body, DispatchOptions options, string? trace) => new()
    {
        Function = envelope.FunctionName,
        Path = envelope.Path,
        Query = envelope.Query,
        Headers = [.. envelope.Headers.Where(h => !NotSent.Any(h.Is)), .. Own(envelope, trace)],
        Body = body,
        Timeout = options.UpstreamTimeout,
        KeepBytes = envelope.Callback is null && envelope.StoreResult is null && !options.WriteDebug ? 0 : options.MaxResultBytes,
    };

    private static IEnumerable<Header> Own(Envelope envelope, string? trace)
    {
        yield return new Header(WellKnownHeaders.CallId, envelope.CallId);
        yield return new Header(WellKnownHeaders.DeliveryId, envelope.DeliveryId);
        yield return new Header(WellKnownHeaders.Attempt, envelope.Attempt.ToString());
        if ((trace ?? envelope.Trace) is { } parent)
        {
            yield return new Header(WellKnownHeaders.TraceParent, parent);
        }
    }
}
