using Connectors.Sdk.Hosting;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Callbacks;

/// <summary>One signed POST to a callback URL; every failure becomes a <see cref="CallbackAnswer"/>.</summary>
internal sealed class CallbackPoster(QueueWorkerOptions options, HttpMessageInvoker http, WebhookSigner signer, TimeProvider time)
{
    public async Task<CallbackAnswer> PostAsync(Envelope envelope, CallbackRecord record, ReadOnlyMemory<byte> body, CancellationToken abort)
    {
        if (CallbackUrl.Of(envelope.Callback) is not { } url)
        {
            return new CallbackAnswer(0, "the callback URL is not http or https", IsRefused: true);
        }

        if (url.IsSystemOf(options.Dispatch.Gateway))
        {
            return new CallbackAnswer(0, "callbacks may not go to the gateway's own /system/", IsRefused: true);
        }

        if (!options.Callbacks.Hosts.Allow(url.Address.IdnHost))
        {
            return new CallbackAnswer(0, $"callbacks may not go to {url.Address.IdnHost}; see {CallbackHosts.Option}", IsRefused: true);
        }

        using var limit = new TimeLimit(options.Callbacks.Timeout, time, abort);
        try
        {
            using var request = CallbackRequest.From(envelope, record, body, url, signer.Sign(envelope.DeliveryId, body));
            using var response = await http.SendAsync(request, limit.Token);
            return new CallbackAnswer((int)response.StatusCode, RetryAfter: Wait(response));
        }
        catch (OperationCanceledException) when (!abort.IsCancellationRequested)
        {
            return new CallbackAnswer(0, limit.IsOver ? "no answer in time" : "no connection in time");
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException)
        {
            var cause = fault.GetBaseException();
            return new CallbackAnswer(0, cause.Message, IsRefused: cause is AddressRefusedException);
        }
        catch (Exception fault) when (fault is not OperationCanceledException)
        {
            // It cannot be written as a request, and trying again would not change that.
            return new CallbackAnswer(0, $"the callback cannot be sent: {fault.Message}", IsRefused: true);
        }
    }

    private TimeSpan? Wait(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date - time.GetUtcNow(),
        _ => null,
    };
}
