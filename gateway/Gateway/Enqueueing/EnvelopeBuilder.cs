using System.Collections.Frozen;
using Connectors.Gateway.Security;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Enqueueing;

/// <summary>An HTTP request → the envelope that stands for it in a stream.</summary>
internal sealed class EnvelopeBuilder(GatewayCredentials credentials, QueueOptions options, TimeProvider time)
{
    // Of this one connection, or already acted upon: a stored X-Invoke-Mode would make the worker's call an async one again. For how long the worker waits is
    // its own to say.
    private static readonly FrozenSet<string> NotStored = FrozenSet.Create(
        StringComparer.OrdinalIgnoreCase, "Host", "Content-Length", "Expect", WellKnownHeaders.Timeout, CallHeaders.InvokeMode, CallHeaders.Delay, CallHeaders.NotBefore);

    public Envelope Build(HttpContext http, FunctionPath path, FunctionSettings settings, string callId)
    {
        var request = http.Request;
        var now = time.GetUtcNow();
        ResultAge.Read(request, options.MaxResultAge, out var keep);
        CallTags.Read(request, out var tags);

        // A body may take its time; the delay was found good before it came.
        _ = DueTime.Read(request, options.MaxDelay, now, out var due);
        return new Envelope
        {
            CallId = callId,
            DeliveryId = FreshId.Next(now),
            Function = path.Function.Name,
            Namespace = path.Function.Namespace,
            Method = request.Method,
            Path = path.Rest,
            Query = path.Query,
            Headers = Stored(request),
            Callback = AcceptRules.CallbackOf(request),
            Submitted = now,
            Due = due,
            NotBefore = due,
            Deadline = settings.Retry?.MaxAge is { } age ? (due ?? now) + age : null,
            Hops = AcceptRules.HopsOf(request),
            Trace = request.Headers[WellKnownHeaders.TraceParent] is { Count: 1 } trace ? trace[0] : null,
            Retry = settings.Retry,
            Breaker = settings.Breaker,
            MaxInflight = settings.MaxInflight,
            StoreResult = keep,
            Priority = request.Headers[CallHeaders.Priority].ToString().Equals("high", StringComparison.OrdinalIgnoreCase) ? Priority.High : Priority.Normal,
            Tags = tags,
            IsUnlisted = settings.IsUnlisted,
            IsBare = request.RouteValues["name"] is string called && !called.Contains('.', StringComparison.Ordinal),
        };
    }

    private List<Header> Stored(HttpRequest request)
    {
        var stored = new List<Header>(request.Headers.Count);
        foreach (var (name, values) in request.Headers)
        {
            if (HopByHop.Contains(name) || NotStored.Contains(name))
            {
                continue;
            }

            foreach (var value in values)
            {
                if (!name.Equals("Authorization", StringComparison.OrdinalIgnoreCase) || !BasicCredentials.Match(value, credentials))
                {
                    stored.Add(new Header(name, value ?? ""));
                }
            }
        }

        return stored;
    }
}
