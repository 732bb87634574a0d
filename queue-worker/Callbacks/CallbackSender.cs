using System.Diagnostics;
using Connectors.Sdk.Envelopes;
using Connectors.Sdk.Hosting;

namespace Connectors.QueueWorker.Callbacks;

/// <summary>Posts an outcome to its callback URL once; every failure becomes a <see cref="CallbackAnswer"/>.</summary>
internal sealed class CallbackSender(QueueWorkerOptions options, HttpMessageInvoker http, WebhookSigner signer, Metrics metrics, TimeProvider time, ILogger<CallbackSender> log)
{
    public async Task<CallbackAnswer> PostAsync(Envelope envelope, CallbackRecord record, ReadOnlyMemory<byte> body, CancellationToken abort)
    {
        using var span = Tracing.Start($"callback {envelope.FunctionName}", ActivityKind.Client, envelope.Trace);
        span?.SetTag("callId", envelope.CallId).SetTag("attempt", record.Attempt);
        var answer = await SendAsync(envelope with { Trace = span?.Id ?? envelope.Trace }, record, body, abort);
        span?.SetTag("http.response.status_code", answer.Status).SetStatus(answer.Error is null ? ActivityStatusCode.Ok : ActivityStatusCode.Error, answer.Error);
        var outcome = answer.Status is >= 200 and < 300 ? "delivered" : answer.Status > 0 ? "refused" : "unreachable";
        metrics.Callbacks.WithLabels(options.Queue, outcome).Inc();
        Log.Callback(log, envelope.CallId, envelope.FunctionName.ToString(), record.Attempt, answer.Status, answer.Error);
        return answer;
    }

    private async Task<CallbackAnswer> SendAsync(Envelope envelope, CallbackRecord record, ReadOnlyMemory<byte> body, CancellationToken abort)
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
