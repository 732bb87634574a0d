using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace Connectors.Gateway.Queues;

/// <summary>Calls whose time has not come, page by page in the order in which they were accepted.</summary>
internal sealed class DelayedCalls(NatsLink link, QueueOverview overview, GatewayOptions options)
{
    // How much one request reads at most. Held calls lie among the delayed ones, and a body comes with each.
    private const int MaxRead = 10_000;
    private const long MaxBytes = 64 * 1024 * 1024;

    public async Task ListAsync(HttpContext http, string queue)
    {
        if (!QueueQuery.TryFunction(http, options.DefaultNamespace, out var function))
        {
            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, QueueQuery.FunctionRule);
            return;
        }

        if (!QueueQuery.TryPage(http, out var limit, out var after))
        {
            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, QueueQuery.PageRule);
            return;
        }

        if (!await overview.ExistsAsync(queue, http.RequestAborted))
        {
            await QueueRoutes.NoQueueAsync(http, queue);
            return;
        }

        await Answer.JsonAsync(http, StatusCodes.Status200OK, await ReadAsync(queue, function, after, limit, http.RequestAborted), QueuesJson.Default.DelayedPage);
    }

    // One by one: the stream is a work queue, of which a consumer would take.
    private async Task<DelayedPage> ReadAsync(string queue, FunctionName? function, ulong after, int limit, CancellationToken ct)
    {
        var items = new List<DelayedItem>();
        var filter = StreamNames.AsideSubjects(queue, function);
        if (!await overview.HasDelayedAsync(queue, ct))
        {
            return new DelayedPage(items, null);
        }

        try
        {
            var stream = await link.JetStream.GetStreamAsync(StreamNames.Aside(queue), cancellationToken: ct);
            var last = stream.Info.State.Messages == 0 ? 0 : stream.Info.State.LastSeq;
            var bytes = 0L;
            for (var read = 0; items.Count < limit && read < MaxRead && bytes < MaxBytes; read++)
            {
                if (after >= last || await NextAsync(stream, filter, after + 1, ct) is not { } message)
                {
                    return new DelayedPage(items, null);
                }

                after = message.Seq;
                bytes += message.Size;
                if (AsideGroup.Of(message.Subject).Function is null && EnvelopeCodec.TryDecode(Header(message.Headers, EnvelopeCodec.HeaderName), out _) is { } envelope)
                {
                    items.Add(new DelayedItem(
                        after, envelope.CallId, envelope.FunctionName.ToString(), (envelope.NotBefore ?? envelope.Submitted).UtcDateTime, envelope.Submitted.UtcDateTime, message.Size));
                }
            }

            return new DelayedPage(items, after);
        }
        catch (NatsJSApiException fault) when (fault.IsNotFound())
        {
            // The first delayed call makes the stream.
            return new DelayedPage(items, null);
        }
    }

    // That there is none is the word of the stream's leader: another server may lag.
    private async Task<MessageInStream?> NextAsync(INatsJSStream stream, string filter, ulong seq, CancellationToken ct) =>
        await MessageInStream.NearestAsync(link, stream, filter, seq, ct) ?? await MessageInStream.OfLeaderAsync(link, stream, filter, seq, ct);

    private static string? Header(NatsHeaders headers, string name) => headers.TryGetValue(name, out var values) ? values.ToString() : null;
}

/// <summary>One page of delayed calls.</summary>
/// <param name="Items">May be fewer than asked for although more follow: one request looks at a bounded number of messages.</param>
/// <param name="Next">Where the next page begins (<c>after</c>); null at the end.</param>
internal sealed record DelayedPage(IReadOnlyList<DelayedItem> Items, ulong? Next);

/// <summary>A delayed call in a list.</summary>
internal sealed record DelayedItem(ulong Seq, string CallId, string Function, DateTime DueAt, DateTime SubmittedAt, long Size);
