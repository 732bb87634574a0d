using System.Globalization;
using NATS.Client.Core;
using NATS.Client.JetStream.Models;

namespace NATS.Client.JetStream;

/// <summary>Publishes and waits for the stream's answer.</summary>
internal sealed class StreamPublisher(INatsConnection connection)
{
    public async ValueTask<PubAckResponse> PublishAsync<T>(string subject, T? data, INatsSerialize<T>? serializer, NatsJSPubOpts? opts, NatsHeaders? headers, CancellationToken cancellationToken)
    {
        opts ??= NatsJSPubOpts.Default;
        headers = WithExpectations(headers, opts);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var reply = await connection.RequestAsync(
                    subject,
                    data,
                    headers,
                    serializer,
                    JsonApiSerializer<PubAckResponse>.Default,
                    cancellationToken: cancellationToken).ConfigureAwait(false);
                reply.EnsureSuccess();
                return reply.Data ?? throw new NatsJSException("No response data received");
            }
            catch (NatsNoReplyException)
            {
                // It may be stored: repeating is the caller's decision.
                throw new NatsJSPublishNoResponseException();
            }
            catch (NatsNoRespondersException)
            {
                if (attempt >= opts.RetryAttempts)
                    throw new NatsJSPublishNoResponseException();
            }

            await Task.Delay(opts.RetryWaitBetweenAttempts, cancellationToken).ConfigureAwait(false);
        }
    }

    private static NatsHeaders? WithExpectations(NatsHeaders? headers, NatsJSPubOpts opts)
    {
        if (opts is { MsgId: null, ExpectedLastMsgId: null, ExpectedStream: null, ExpectedLastSequence: null, ExpectedLastSubjectSequence: null })
            return headers;

        var all = NatsHeaders.CopyOf(headers);
        Set("Nats-Msg-Id", opts.MsgId);
        Set("Nats-Expected-Last-Msg-Id", opts.ExpectedLastMsgId);
        Set("Nats-Expected-Stream", opts.ExpectedStream);
        Set("Nats-Expected-Last-Sequence", opts.ExpectedLastSequence?.ToString(CultureInfo.InvariantCulture));
        Set("Nats-Expected-Last-Subject-Sequence", opts.ExpectedLastSubjectSequence?.ToString(CultureInfo.InvariantCulture));
        return all;

        void Set(string name, string? value)
        {
            if (value is not null)
                all[name] = value;
        }
    }
}
