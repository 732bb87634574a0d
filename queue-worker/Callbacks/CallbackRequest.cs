using System.Collections.Frozen;
using System.Globalization;
using System.Text;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Callbacks;

/// <summary>The POST that tells an outcome: the function's answer with our headers over its own.</summary>
internal static class CallbackRequest
{
    // Of this one connection, or what would make the client wait for a word that receivers need not say.
    private static readonly FrozenSet<string> NotPassedOn = FrozenSet.Create(StringComparer.OrdinalIgnoreCase, "Content-Length", "Host", "Expect");

    public static HttpRequestMessage From(Envelope envelope, CallbackRecord record, ReadOnlyMemory<byte> body, CallbackUrl url, IEnumerable<Header> signature)
    {
        var own = Own(envelope, record).Concat(signature).ToList();
        var named = HopByHop.NamedBy(record.Headers.Where(h => h.Is("Connection")).Select(h => h.Value).ToArray());
        var request = new HttpRequestMessage(HttpMethod.Post, url.Address) { Content = new ReadOnlyMemoryContent(body) };
        var passed = record.Headers.Where(h => IsPassedOn(h) && !named.Contains(h.Name) && !own.Any(o => o.Is(h.Name)));
        foreach (var lines in passed.Concat(own).GroupBy(h => h.Name, StringComparer.OrdinalIgnoreCase))
        {
            HttpConnections.Add(request, lines.Key, [.. lines.Select(h => h.OneLine)]);
        }

        if (url.Credentials.Length > 0)
        {
            request.Headers.Remove("Authorization");
            request.Headers.TryAddWithoutValidation("Authorization", "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(url.Credentials)));
        }

        return request;
    }

    private static bool IsPassedOn(Header header) => !HopByHop.Contains(header.Name) && !NotPassedOn.Contains(header.Name)
        && !header.Name.StartsWith("webhook-", StringComparison.OrdinalIgnoreCase);

    private static IEnumerable<Header> Own(Envelope envelope, CallbackRecord record)
    {
        yield return new Header(WellKnownHeaders.CallId, envelope.CallId);
        yield return new Header(CallHeaders.DeliveryId, envelope.DeliveryId);
        yield return new Header(CallHeaders.WebhookId, envelope.DeliveryId);
        yield return new Header(CallHeaders.FunctionName, envelope.NameAsCalled);
        yield return new Header(CallHeaders.FunctionStatus, Text(record.Status));
        yield return new Header(WellKnownHeaders.DurationSeconds, record.Seconds.ToString("F6", CultureInfo.InvariantCulture));
        yield return new Header(CallHeaders.Retry, Text(envelope.Attempt - 1));
        yield return new Header(CallHeaders.RetryMax, Text(record.Attempts - 1));
        yield return new Header(CallHeaders.CallbackHops, Text(envelope.Hops + 1));
        yield return new Header("User-Agent", $"queue-worker/{CommandLine.Version}");
        if (envelope.Redrive > 0)
        {
            yield return new Header(CallHeaders.Redrive, Text(envelope.Redrive));
        }

        if (envelope.Trace is { } trace)
        {
            yield return new Header(WellKnownHeaders.TraceParent, trace);
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
