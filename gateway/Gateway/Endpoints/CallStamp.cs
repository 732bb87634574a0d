using Connectors.Gateway.Enqueueing;
using Connectors.Gateway.Forwarding;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Microsoft.Extensions.Primitives;

namespace Connectors.Gateway.Endpoints;

/// <summary>What the gateway writes on every call, on its way in and on its answer: call id, entry time, who called and who served it.</summary>
internal static class CallStamp
{
    private static readonly string ServedBy = $"connectors/{CommandLine.Version}";

    /// <summary>Returns the call id: the caller's, echoed, unless it is missing or none that can be asked for later.</summary>
    public static string Apply(HttpContext http, TimeProvider time)
    {
        ForwardedHeaders.Apply(http);
        var given = http.Request.Headers[WellKnownHeaders.CallId];
        var entered = time.GetUtcNow();
        var id = given.Count == 1 && CallId.IsOne(given[0]!) ? given[0]! : FreshId.Next(entered);
        var now = UnixNanoseconds(entered);
        http.Request.Headers[WellKnownHeaders.CallId] = id;
        http.Request.Headers[CallHeaders.StartTime] = StringValues.Concat(http.Request.Headers[CallHeaders.StartTime], now);
        http.Response.Headers[WellKnownHeaders.CallId] = id;
        http.Response.Headers[CallHeaders.StartTime] = now;
        http.Response.Headers[CallHeaders.ServedBy] = ServedBy;
        return id;
    }

    private static string UnixNanoseconds(DateTimeOffset now) => ((now.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks) * 100).ToString();
}
