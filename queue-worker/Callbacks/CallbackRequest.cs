using System.Globalization;
using System.Text;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Sdk.Hosting;

namespace Connectors.QueueWorker.Callbacks;

/// <summary>The POST that tells an outcome: the function's answer with our headers over its own (openfaas-spec 3.6).</summary>
internal static class CallbackRequest
{
    public static HttpRequestMessage From(Envelope envelope, CallbackRecord record, ReadOnlyMemory<byte> body, Uri url, IEnumerable<Header> signature)
    {
        var own = Own(envelope, record).Concat(signature).ToList();
        var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new ReadOnlyMemoryContent(body) };
        foreach (var header in record.Headers.Where(h => IsPassedOn(h) && !own.Any(o => o.Is(h.Name))).Concat(own))
        {
            if (!request.Headers.TryAddWithoutValidation(header.Name, header.Value))
            {
                request.Content.Headers.TryAddWithoutValidation(header.Name, header.Value);
            }
        }

        if (url.UserInfo.Length > 0)
        {
            var credentials = Uri.UnescapeDataString(url.UserInfo);
            request.Headers.Remove("Authorization");
            request.Headers.TryAddWithoutValidation("Authorization", "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(credentials)));
        }

        return request;
    }

    private static bool IsPassedOn(Header header) => !HopByHop.Contains(header.Name) && !header.Is("Content-Length") && !header.Is("Host")
        && !header.Name.StartsWith("webhook-", StringComparison.OrdinalIgnoreCase);

    private static IEnumerable<Header> Own(Envelope envelope, CallbackRecord record)
    {
        yield return new Header(WellKnownHeaders.CallId, envelope.CallId);
        yield return new Header(WellKnownHeaders.DeliveryId, envelope.DeliveryId);
        yield return new Header(WellKnownHeaders.WebhookId, envelope.DeliveryId);
        yield return new Header(WellKnownHeaders.FunctionName, envelope.FunctionName.ToString());
        yield return new Header(WellKnownHeaders.FunctionStatus, Text(record.Status));
        yield return new Header(WellKnownHeaders.DurationSeconds, record.Seconds.ToString("F6", CultureInfo.InvariantCulture));
        yield return new Header(WellKnownHeaders.Retry, Text(envelope.Attempt - 1));
        yield return new Header(WellKnownHeaders.RetryMax, Text(record.Attempts - 1));
        yield return new Header(WellKnownHeaders.CallbackHops, Text(envelope.Hops + 1));
        yield return new Header("User-Agent", $"queue-worker/{CommandLine.Version}");
        if (envelope.Redrive > 0)
        {
            yield return new Header(WellKnownHeaders.Redrive, Text(envelope.Redrive));
        }

        if (envelope.Trace is { } trace)
        {
            yield return new Header(WellKnownHeaders.TraceParent, trace);
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
