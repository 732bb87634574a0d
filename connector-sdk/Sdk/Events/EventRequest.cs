using System.Diagnostics;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;

namespace Connectors.Sdk.Events;

/// <summary>An event as the request that each function of its topic gets.</summary>
internal sealed class EventRequest(ServiceOptions service, ConnectorOptions options)
{
    // Answers are kept only to be printed; 64 KiB is more than a log line should be.
    private const long PrintedBytes = 64 * 1024;

    private static readonly string[] OwnHeaders =
    [
        WellKnownHeaders.Connector, WellKnownHeaders.Topic, WellKnownHeaders.CallId, WellKnownHeaders.TraceParent, WellKnownHeaders.IdempotencyKey,
        "Content-Type",
    ];

    /// <summary>The call of one function. All calls of an event share what identifies it.</summary>
    public FunctionCall For(Event content, Run run, FunctionName function) => new()
    {
        Function = function,
        Asynchronous = IsAsynchronous(content),
        Headers = [.. ForeignHeaders.Encode(Headers(content, run))],
        Body = content.Body,
        Timeout = options.UpstreamTimeout,
        KeepBytes = options.PrintResponseBody ? PrintedBytes : 0,
    };

    /// <summary>Whether an event's calls are enqueued rather than waited for.</summary>
    public bool IsAsynchronous(Event content) => content.Asynchronous ?? options.Asynchronous;

    /// <summary>The event's own call id if it is of 1–128 <c>[A-Za-z0-9_.:-]</c>, or a new one.</summary>
    public static string CallId(Event content) => Own(content, WellKnownHeaders.CallId) is { } own && IsId(own) ? own : Guid.NewGuid().ToString();

    /// <summary>An event's id as <c>Idempotency-Key</c>: unchanged if it is of 1–128 <c>[A-Za-z0-9_.:-]</c>, else its SHA-256 in base64url.</summary>
    public static string IdempotencyKey(string eventId) =>
        IsId(eventId) ? eventId : System.Buffers.Text.Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes(eventId)));

    /// <summary>The event's own <c>traceparent</c>, if it is of the version that is written today, and readable.</summary>
    public static string? Trace(Event content) =>
        Own(content, WellKnownHeaders.TraceParent) is { Length: 55 } trace && ActivityContext.TryParse(trace, null, out _) ? trace : null;

    private IEnumerable<Header> Headers(Event content, Run run)
    {
        yield return new Header(WellKnownHeaders.Connector, service.Name);
        yield return new Header(WellKnownHeaders.Topic, content.Topic);
        yield return new Header(WellKnownHeaders.CallId, run.CallId);
        if (run.Trace is { } trace)
        {
            yield return new Header(WellKnownHeaders.TraceParent, trace);
        }

        yield return new Header(WellKnownHeaders.IdempotencyKey, IdempotencyKey(content.Id));
        if ((ContentType(content) ?? options.ContentType) is { Length: > 0 } type)
        {
            yield return new Header("Content-Type", type);
        }

        foreach (var header in content.Headers.Where(h => !OwnHeaders.Contains(h.Name, StringComparer.OrdinalIgnoreCase)))
        {
            if (header.Name.Length == 0 || Invoker.SetsItself(header.Name))
            {
                Metrics.HeaderLeftOut(content.Topic);
            }
            else
            {
                yield return header;
            }
        }

        foreach (var header in options.CloudEvents ? CloudEvent.Headers(content, service.Name) : [])
        {
            yield return header;
        }
    }

    private static string? ContentType(Event content) =>
        content.ContentType is { } type && ForeignHeaders.IsPlain(type) && MediaTypeHeaderValue.TryParse(type, out _) ? type : null;

    private static string? Own(Event content, string name) => content.Headers.FirstOrDefault(h => h.Is(name)) is { Value.Length: > 0 } own ? own.Value : null;

    private static bool IsId(string text) =>
        text.Length is > 0 and <= 128 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or ':' or '-');
}
