using System.Diagnostics;
using System.Globalization;
using System.Text;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Sdk.Hosting;

namespace Connectors.QueueWorker.Callbacks;

/// <summary>Posts an outcome to its callback URL once, and says so: one span, one log line and one count for each POST.</summary>
internal sealed class CallbackSender(QueueWorkerOptions options, CallbackPoster poster, Metrics metrics, ILogger<CallbackSender> log)
{
    public async Task<CallbackAnswer> PostAsync(Envelope envelope, CallbackRecord record, ReadOnlyMemory<byte> body, CancellationToken abort)
    {
        using var span = Tracing.Start($"callback {envelope.FunctionName}", ActivityKind.Client, envelope.Trace);
        span?.SetTag("callId", envelope.CallId).SetTag("attempt", record.Attempt);
        var answer = await poster.PostAsync(envelope with { Trace = span?.Id ?? envelope.Trace }, record, body, abort);
        span?.SetTag("http.response.status_code", answer.Status).SetStatus(answer.Error is null ? ActivityStatusCode.Ok : ActivityStatusCode.Error, answer.Error);
        var outcome = answer.Status is >= 200 and < 300 ? "delivered" : answer.Status > 0 ? "refused" : "unreachable";
        metrics.Callbacks.WithLabels(options.Queue, outcome).Inc();
        Log.Callback(log, envelope.CallId, envelope.FunctionName.ToString(), record.Attempt, answer.Status, answer.Error);
        return answer;
    }
}

/// <summary>One signed POST to a callback URL; every failure becomes a <see cref="CallbackAnswer"/>.</summary>
internal sealed class CallbackPoster(QueueWorkerOptions options, HttpMessageInvoker http, WebhookSigner signer, TimeProvider time)
{
    public async Task<CallbackAnswer> PostAsync(Envelope envelope, CallbackRecord record, ReadOnlyMemory<byte> body, CancellationToken abort)
    {
        if (!Uri.TryCreate(envelope.Callback, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
        {
            return new CallbackAnswer(0, "the callback URL is not http or https", IsRefused: true);
        }

        if (IsSystem(url))
        {
            return new CallbackAnswer(0, "callbacks may not go to the gateway's own /system/", IsRefused: true);
        }

        using var timeout = new CancellationTokenSource(options.Callbacks.Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(abort, timeout.Token);
        try
        {
            using var request = CallbackRequest.From(envelope, record, body, url, signer.Sign(envelope.DeliveryId, body));
            using var response = await http.SendAsync(request, either.Token);
            return new CallbackAnswer((int)response.StatusCode, RetryAfter: Wait(response));
        }
        catch (OperationCanceledException) when (!abort.IsCancellationRequested)
        {
            return new CallbackAnswer(0, "no answer in time");
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException)
        {
            var cause = fault.GetBaseException();
            return new CallbackAnswer(0, cause.Message, IsRefused: cause is AddressRefusedException);
        }
    }

    // The gateway may have more names than we know: on its port, /system/ is refused whatever the host.
    private bool IsSystem(Uri url)
    {
        var gateway = options.Dispatch.Gateway;
        var path = Uri.UnescapeDataString(url.AbsolutePath).Replace('\\', '/').TrimStart('/');
        return (url.Port == gateway.Port || url.Host.TrimEnd('.').Equals(gateway.Host, StringComparison.OrdinalIgnoreCase))
            && (path.Equals("system", StringComparison.OrdinalIgnoreCase) || path.StartsWith("system/", StringComparison.OrdinalIgnoreCase));
    }

    private TimeSpan? Wait(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date - time.GetUtcNow(),
        _ => null,
    };
}

/// <summary>The POST that tells an outcome: the function's answer with our headers over its own.</summary>
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
