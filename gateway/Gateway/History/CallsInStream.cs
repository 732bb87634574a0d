using System.Runtime.CompilerServices;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.JetStream;

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
        catch (NatsJSApiException fault) when (fault.IsNotFound())
        {
            return null;
        }
    }

    /// <summary>
    /// From a place on, and up to another, what there was when it was opened, some messages at a time; nothing if it cannot be read. They are read on whichever of the
    /// stream's servers, and where that one has no more, from the leader: one that lags would be taken for the end.
    /// </summary>
    public async IAsyncEnumerable<IReadOnlyList<CallInStream>> ReadAsync(
        ulong first, [EnumeratorCancellation] CancellationToken ct, string filter = ">", ulong last = ulong.MaxValue)
    {
        last = Math.Min(last, Last);
        var isOfLeader = false;
        for (var seq = first; IsReadable && seq <= last;)
        {
            // Each asks for the next message from its own place on: where some are gone, several get the same one.
            var places = Enumerable.Range(0, isOfLeader ? 1 : AtOnce).Select(i => seq + (ulong)i).Where(place => place <= last);
            var messages = await Task.WhenAll(places.Select(place => NextAsync(filter, place, isOfLeader, ct)));
            var told = messages.TakeWhile(message => message is not null).OfType<CallInStream>().ToList();
            yield return [.. told.DistinctBy(message => message.Seq).Where(message => message.Seq <= last)];
            if (told.Count < messages.Length && isOfLeader)
            {
                yield break;
            }

            isOfLeader |= told.Count < messages.Length;
            seq = told.Count == 0 ? seq : Math.Max(seq + (ulong)told.Count, told[^1].Seq + 1);
        }
    }

    /// <summary>The place of the first message that was stored no earlier, by halving: messages lie in the order of their times.</summary>
    public async Task<ulong> PlaceOfAsync(DateTimeOffset at, CancellationToken ct)
    {
        var (first, last) = (First, Last);
        while (IsReadable && first < last)
        {
            var middle = first + ((last - first) / 2);
            if ((await NextAsync(">", middle, isOfLeader: false, ct) ?? await NextAsync(">", middle, isOfLeader: true, ct)) is { } message && message.Stored < at)
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

    private async Task<CallInStream?> NextAsync(string filter, ulong seq, bool isOfLeader, CancellationToken ct)
    {
        var found = isOfLeader
            ? await MessageInStream.OfLeaderAsync(_link, _stream, filter, seq, ct)
            : await MessageInStream.NearestAsync(_link, _stream, filter, seq, ct);
        return found is { Headers: var headers }
            ? new CallInStream(
                found.Seq,
                found.Stored,
                EnvelopeCodec.TryDecode(headers.TryGetValue(EnvelopeCodec.HeaderName, out var envelope) ? envelope.ToString() : null, out _),
                headers.TryGetValue(CallbackRecord.HeaderName, out var callback) ? callback.ToString() : null,
                found.Size)
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
