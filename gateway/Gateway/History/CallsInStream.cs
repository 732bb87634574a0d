using System.Globalization;
using System.Runtime.CompilerServices;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Gateway.History;

/// <summary>Looks at the calls in a stream without taking them: the stream is a work queue, of which a consumer would take.</summary>
internal sealed class CallsInStream
{
    private const int AtOnce = 32;

    private readonly NatsLink _link;
    private readonly INatsJSStream _stream;

    private CallsInStream(NatsLink link, INatsJSStream stream) => (_link, _stream) = (link, stream);

    /// <summary>False for a stream that no worker of this version has looked at yet: it may refuse to be read so.</summary>
    public bool IsReadable => _stream.Info.Config.AllowDirect;

    /// <summary>The first message's place when it was opened.</summary>
    public ulong First => _stream.Info.State.FirstSeq;

    /// <summary>The server's time when it was opened; null if it does not say.</summary>
    public DateTimeOffset? OpenedAt => _stream.Info.Ts == default ? null : _stream.Info.Ts;

    private ulong Last => _stream.Info.State.Messages == 0 ? 0 : _stream.Info.State.LastSeq;

    /// <summary>Null if there is no such stream.</summary>
    public static async Task<CallsInStream?> OpenAsync(NatsLink link, string name, CancellationToken ct)
    {
        try
        {
            return new CallsInStream(link, await link.JetStream.GetStreamAsync(name, cancellationToken: ct));
        }
        catch (NatsJSApiException fault) when (fault.Error.Code == StatusCodes.Status404NotFound)
        {
            return null;
        }
    }

    /// <summary>From a place on what there was when it was opened, some messages at a time; nothing if it cannot be read.</summary>
    public async IAsyncEnumerable<IReadOnlyList<CallInStream>> ReadAsync(ulong first, [EnumeratorCancellation] CancellationToken ct, string filter = ">")
    {
        for (var seq = first; IsReadable && seq <= Last;)
        {
            // Each asks for the next message from its own place on: where some are gone, several get the same one.
            var messages = await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(i => NextAsync(filter, seq + (ulong)i, ct)));
            yield return [.. messages.OfType<CallInStream>().DistinctBy(message => message.Seq).Where(message => message.Seq <= Last)];
            if (messages.Any(message => message is null))
            {
                yield break;
            }

            seq = Math.Max(seq + AtOnce, messages[^1]!.Seq + 1);
        }
    }

    /// <summary>The place of the first message that was stored no earlier, by halving: messages lie in the order of their times.</summary>
    public async Task<ulong> PlaceOfAsync(DateTimeOffset at, CancellationToken ct)
    {
        var (first, last) = (First, Last);
        while (IsReadable && first < last)
        {
            var middle = first + ((last - first) / 2);
            if (await NextAsync(">", middle, ct) is { } message && message.Stored < at)
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

    /// <summary>How far each consumer is.</summary>
    public async Task<IReadOnlyDictionary<string, ulong>> DeliveredAsync(CancellationToken ct)
    {
        var delivered = new Dictionary<string, ulong>();
        await foreach (var consumer in _link.JetStream.ListConsumersAsync(_stream.Info.Config.Name!, ct))
        {
            delivered[consumer.Info.Name] = consumer.Info.Delivered.StreamSeq;
        }

        return delivered;
    }

    private async Task<CallInStream?> NextAsync(string filter, ulong seq, CancellationToken ct)
    {
        var message = await _link.LookUpAsync(_stream, new StreamMsgGetRequest { Seq = seq, NextBySubj = filter }, ct);
        return message.Headers is { Code: 0 or 200 } headers
            && ulong.TryParse(headers["Nats-Sequence"], NumberStyles.None, CultureInfo.InvariantCulture, out var found)
            && DateTimeOffset.TryParse(headers["Nats-Time-Stamp"], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var stored)
                ? new CallInStream(
                    found,
                    stored,
                    EnvelopeCodec.TryDecode(headers.TryGetValue(EnvelopeCodec.HeaderName, out var envelope) ? envelope.ToString() : null, out _),
                    headers.TryGetValue(CallbackRecord.HeaderName, out var callback) ? callback.ToString() : null,
                    message.Data?.Length ?? 0)
                : null;
    }
}

/// <summary>A message in a stream of calls or callbacks; without a call it is none of ours.</summary>
internal sealed record CallInStream(ulong Seq, DateTimeOffset Stored, Envelope? Call, string? CallbackHeader, int Size)
{
    /// <summary>The callback that it is a record of; null for a call.</summary>
    public CallbackRecord? Callback => CallbackRecord.TryDecode(CallbackHeader);

    /// <summary>Whether it was delivered, and is not to be waited with: it runs, or its worker is lost and its lease not over yet.</summary>
    public bool IsRunning(IReadOnlyDictionary<string, ulong> delivered, DateTimeOffset now) =>
        Call is { } call && !(call.NotBefore > now)
        && new[] { call.Priority == Priority.High ? StreamNames.StaticHigh : StreamNames.StaticNormal, StreamNames.FunctionConsumer(call.FunctionName, call.Priority) }
            .Any(consumer => delivered.GetValueOrDefault(consumer) >= Seq);
}
