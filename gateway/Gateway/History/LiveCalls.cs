using System.Globalization;
using Connectors.Gateway.Enqueueing;
using Connectors.Gateway.Queues;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Gateway.History;

/// <summary>
/// Finds calls that have not ended. Their streams have no index: an id that was made here tells when the call came in, and there the search begins; it ends
/// after a bounded number of messages or bytes. So a call may wait and not be found: one whose id is its caller's own and that stands far behind in a long queue.
/// </summary>
internal sealed class LiveCalls(NatsLink link, QueueOverview overview, TimeProvider time)
{
    private const int MaxMessages = 4_000;
    private const long MaxBytes = 64 * 1024 * 1024;
    private const int AtOnce = 32;

    // Between the making of an id and the storing of its call lie the reading of its body and a clock's error.
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(2);

    /// <summary>What of this id waits, is delayed or runs.</summary>
    public async Task<IReadOnlyList<CallStory>> FindAsync(string callId, string? queue, FunctionName? function, CancellationToken ct)
    {
        var stories = new List<CallStory>();
        foreach (var one in queue is null ? (await overview.ListAsync(ct)).Where(q => q.Calls > 0 || q.Delayed > 0).Select(q => q.Name) : [queue])
        {
            var tail = function is { } given ? $"{StreamNames.Token(given.Namespace)}.{StreamNames.Token(given.Name)}" : null;
            stories.AddRange(await FindInAsync(one, StreamNames.Calls(one), tail is null ? StreamNames.CallSubjects(one) : $"{one}.call.*.{tail}", callId, function, ct));
            stories.AddRange(await FindInAsync(one, StreamNames.Aside(one), tail is null ? StreamNames.AsideSubjects(one) : $"{one}.aside.*.*.{tail}", callId, function, ct));
        }

        return stories;
    }

    private async Task<IReadOnlyList<CallStory>> FindInAsync(string queue, string name, string filter, string callId, FunctionName? function, CancellationToken ct)
    {
        INatsJSStream stream;
        try
        {
            stream = await link.JetStream.GetStreamAsync(name, cancellationToken: ct);
        }
        catch (NatsJSApiException fault) when (fault.Error.Code == StatusCodes.Status404NotFound)
        {
            return [];
        }

        // A stream that no worker of this version has looked at yet may refuse to be read so.
        var state = stream.Info.State;
        if (state.Messages == 0 || !stream.Info.Config.AllowDirect)
        {
            return [];
        }

        var (first, last) = ((ulong)state.FirstSeq, (ulong)state.LastSeq);
        if (FreshId.TimeOf(callId) is { } made && made < time.GetUtcNow())
        {
            first = await AtAsync(stream, made - Slack, first, last, ct);
        }

        var found = new List<CallStory>();
        var (read, bytes) = (0, 0L);
        for (var seq = first; seq <= last && read < MaxMessages && bytes < MaxBytes && found.Count == 0;)
        {
            // Each asks for the next message from its own place on: where some are gone, several get the same one.
            var messages = await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(i => NextAsync(stream, filter, seq + (ulong)i, ct)));
            foreach (var message in messages.OfType<StoredMessage>().DistinctBy(message => message.Seq))
            {
                read++;
                bytes += message.Size;
                if (message.Call?.CallId == callId && (function is null || message.Call.FunctionName == function))
                {
                    found.Add(CallStory.From(queue, message.Call, message.Size, name == StreamNames.Calls(queue) && await IsDeliveredAsync(queue, message, ct), time.GetUtcNow()));
                }
            }

            if (messages.Any(message => message is null))
            {
                break;
            }

            seq = Math.Max(seq + AtOnce, messages[^1]!.Seq + 1);
        }

        return found;
    }

    // The first message that was stored no earlier, by halving: messages lie in the order of their times.
    private static async Task<ulong> AtAsync(INatsJSStream stream, DateTimeOffset at, ulong first, ulong last, CancellationToken ct)
    {
        while (first < last)
        {
            var middle = first + ((last - first) / 2);
            if (await NextAsync(stream, ">", middle, ct) is { } message && message.Stored < at)
            {
                first = message.Seq + 1;
            }
            else
            {
                last = middle;
            }
        }

        return first;
    }

    private static async Task<StoredMessage?> NextAsync(INatsJSStream stream, string filter, ulong seq, CancellationToken ct)
    {
        var message = await stream.GetDirectAsync(new StreamMsgGetRequest { Seq = seq, NextBySubj = filter }, NatsRawSerializer<byte[]>.Default, ct);
        return message.Headers is { Code: 0 or 200 } headers
            && ulong.TryParse(headers["Nats-Sequence"], NumberStyles.None, CultureInfo.InvariantCulture, out var found)
            && DateTimeOffset.TryParse(headers["Nats-Time-Stamp"], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var stored)
                ? new StoredMessage(
                    found,
                    stored,
                    EnvelopeCodec.TryDecode(headers.TryGetValue(EnvelopeCodec.HeaderName, out var envelope) ? envelope.ToString() : null, out _),
                    message.Data?.Length ?? 0)
                : null;
    }

    // Delivered and still there: it runs, or its worker is lost and its lease not over yet.
    private async Task<bool> IsDeliveredAsync(string queue, StoredMessage message, CancellationToken ct)
    {
        var call = message.Call!;
        string[] names = [call.Priority == Priority.High ? StreamNames.StaticHigh : StreamNames.StaticNormal, StreamNames.FunctionConsumer(call.FunctionName, call.Priority)];
        foreach (var name in names)
        {
            try
            {
                if ((await link.JetStream.GetConsumerAsync(StreamNames.Calls(queue), name, ct)).Info.Delivered.StreamSeq >= message.Seq)
                {
                    return true;
                }
            }
            catch (NatsJSApiException fault) when (fault.Error.Code == StatusCodes.Status404NotFound)
            {
                // The other mode's.
            }
        }

        return false;
    }

    private sealed record StoredMessage(ulong Seq, DateTimeOffset Stored, Envelope? Call, int Size);
}
