using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Callbacks;

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
