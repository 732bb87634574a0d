using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace Connectors.Gateway.Enqueueing;

/// <summary>Takes an HTTP request in as an async call: body, envelope, stream, in that order; every way to fail is a <see cref="Refusal"/>.</summary>
internal sealed class CallQueue(GatewayOptions options, NatsLink link, EnvelopeBuilder builder, CallStore store, CallResults results, TimeProvider time, ILogger<CallQueue> log)
{
    // Body, envelope (32 KiB) and what the worker adds (message id, biography) share the server's max_payload. One KiB less than 48,
    // so that nats-server's default of 1 MiB leaves the million bytes that are our default.
    private const int HeaderRoom = 47 * 1024;

    // The worker sends them with some of its own to a gateway that takes 1,100 of any request, and would be refused for good. Connectors send up to 900 of an event, and a few more.
    private const int MaxHeaderLines = 960;

    private readonly QueueOptions _queue = options.Queue;

    public bool IsOff => !_queue.Nats.IsSet;

    public int MaxBodyBytes => link.KnowsServer ? Math.Min(_queue.MaxBodyBytes, Math.Max(0, link.MaxPayload - HeaderRoom)) : _queue.MaxBodyBytes;

    /// <summary>Null means stored: the answer may be 202.</summary>
    public async Task<Refusal?> AcceptAsync(HttpContext http, FunctionPath path, FunctionStatus? function, string callId)
    {
        var settings = FunctionSettings.Of(path.Function, function, options.DefaultNamespace);
        var queue = settings.Queue ?? _queue.DefaultQueue;
        if (!StreamNames.QueueName().IsMatch(queue))
        {
            return new Refusal(StatusCodes.Status500InternalServerError, $"{path.Function} has the annotation com.openfaas.queue: {queue}; allowed: {StreamNames.QueueRule}.");
        }

        var limit = MaxBodyBytes;
        var (body, refusal) = await ReadBodyAsync(http, limit);
        using (body)
        {
            if (refusal is null)
            {
                var envelope = builder.Build(http, path, settings, callId);
                refusal = Encode(envelope, out var encoded) ?? await StoreAsync(http, queue, envelope, encoded, body.Bytes, limit);
            }
        }

        Metrics.Accepted(queue, refusal?.Status ?? StatusCodes.Status202Accepted);
        return refusal;
    }

    private static Refusal? Encode(Envelope envelope, out string encoded)
    {
        encoded = "";
        if (envelope.Headers.Count > MaxHeaderLines)
        {
            return new Refusal(
                StatusCodes.Status431RequestHeaderFieldsTooLarge, $"The request has {envelope.Headers.Count} header lines in the queue; the limit is {MaxHeaderLines}.");
        }

        encoded = EnvelopeCodec.Encode(envelope);
        return encoded.Length > EnvelopeCodec.MaxBytes
            ? new Refusal(StatusCodes.Status431RequestHeaderFieldsTooLarge, $"Address and headers take {encoded.Length} bytes in the queue; the limit is {EnvelopeCodec.MaxBytes}.")
            : null;
    }

    private async ValueTask<(CallBody Body, Refusal? Refusal)> ReadBodyAsync(HttpContext http, int limit)
    {
        if (CallBody.TryHold(http.Request) is { } there)
        {
            if (there.Bytes.Length <= limit)
            {
                return (there, null);
            }

            there.Dispose();
            return (default, Refusal.TooLarge(limit, there.Bytes.Length));
        }

        using var slow = new TimeLimit(options.ReadTimeout, time, http.RequestAborted);
        try
        {
            return await CallBody.ReadAsync(http.Request, limit, slow.Token) is { } body ? (body, null) : (default, Refusal.TooLarge(limit, null));
        }
        catch (OperationCanceledException) when (slow.IsOver)
        {
            return (default, new Refusal(StatusCodes.Status408RequestTimeout, "The body did not come in time."));
        }
    }

    private async Task<Refusal?> StoreAsync(HttpContext http, string queue, Envelope envelope, string encoded, ReadOnlyMemory<byte> body, int limit)
    {
        var key = http.Request.Headers[WellKnownHeaders.IdempotencyKey];
        var started = time.GetTimestamp();
        QueuedRecord? record = null;
        try
        {
            var messageId = key.Count == 0 ? null : StreamNames.CallMessageId(envelope.FunctionName, key[0]!);
            if (envelope.StoreResult is not null)
            {
                record = results.Begin(queue, envelope);
                await QueueResultAsync(record, mayRepeat: messageId is not null, left: http.RequestAborted);
            }

            var stored = await store.StoreAsync(queue, envelope, encoded, body, messageId);
            Metrics.Published(queue, time.GetElapsedTime(started));
            if (stored.IsDuplicate)
            {
                // The call that it repeats may have another id; this one's id is then of no call.
                await results.ForgetAsync(record);
                http.Response.Headers[CallHeaders.Duplicate] = "true";
            }

            Log.Accepted(log, envelope.CallId, envelope.DeliveryId, envelope.FunctionName.ToString(), queue, body.Length, stored.IsDuplicate);
            return null;
        }
        catch (NotStoredException fault)
        {
            if (!fault.MayBeStored)
            {
                await results.ForgetAsync(record);
            }

            Log.NotStored(log, envelope.CallId, envelope.FunctionName.ToString(), queue, fault.Message);
            return Refusal.NotStored($"Not accepted: {fault.Message}.");
        }
        catch (Exception fault) when (!http.RequestAborted.IsCancellationRequested && fault is OperationCanceledException or (NatsException and not NatsPayloadTooLargeException))
        {
            Log.NotStored(log, envelope.CallId, envelope.FunctionName.ToString(), queue, fault.Message);
            return Refusal.NotStored("Not accepted: the queue does not answer.");
        }
        catch (ConfigurationException fault)
        {
            await results.ForgetAsync(record);
            Log.NotStored(log, envelope.CallId, envelope.FunctionName.ToString(), queue, fault.Message);
            return new Refusal(StatusCodes.Status500InternalServerError, fault.Message);
        }
        catch (NatsPayloadTooLargeException)
        {
            // Another server with a smaller max_payload took over meanwhile.
            await results.ForgetAsync(record);
            return Refusal.TooLarge(Math.Min(limit, MaxBodyBytes), body.Length);
        }
    }

    // It is not broken off when the caller leaves, for it may be stored by then: it is taken back, and the call is not stored.
    private async Task QueueResultAsync(QueuedRecord record, bool mayRepeat, CancellationToken left)
    {
        try
        {
            await results.QueueAsync(record, mayRepeat, CancellationToken.None);
            left.ThrowIfCancellationRequested();
        }
        catch (NatsJSApiException fault)
        {
            // An answer, and no silence: full, or not allowed.
            throw new NotStoredException($"the call's result cannot be kept: {fault.Message}");
        }
        catch (Exception fault) when (fault is NatsException or OperationCanceledException)
        {
            await results.ForgetAsync(record);
            throw;
        }
    }
}
