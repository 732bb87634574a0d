using System.Security.Cryptography;
using Connectors.Sdk.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Primitives;
using NATS.Client.Core;

namespace Connectors.Streams.Nats;

/// <summary>
/// Stores messages in streams. Every write ends: as stored, as refused for good (write something smaller), or, when its patience is over, as full, refused
/// or not known. What may be stored is repeated only under a message id, by which the stream knows it again.
/// </summary>
public sealed class StreamPublisher(NatsLink link, TimeProvider time, ILogger<StreamPublisher> log)
{
    // JetStream refuses a larger block of headers, whatever the server's max_payload is.
    private const int MaxHeaderBlock = ushort.MaxValue;

    // Left for what is added on the way: the message id and its renewal, the trace's headers, the hints' headers.
    private const int Reserve = 1024;

    // "NATS/1.0", the empty line at the end; ": " and the line's end with each header.
    private const int EmptyBlock = 12;
    private const int EachHeader = 4;

    private static readonly TimeSpan MinPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan MaxPause = TimeSpan.FromSeconds(1);

    private PublishAnswers? _answers;

    /// <summary>Whether the server takes a message of that size at all: all of it within max_payload, its headers within 64 KiB.</summary>
    public bool Fits(StreamMessage message)
    {
        var headers = EmptyBlock + message.Headers.Sum(h => h.Key.Length + h.Value.Length + EachHeader) + Reserve;
        return headers <= MaxHeaderBlock && headers + message.Body.Length <= link.MaxPayload;
    }

    /// <summary>Writes once.</summary>
    /// <param name="message">What to store.</param>
    /// <param name="patience">How long the stream may take to answer.</param>
    /// <param name="ct">Gives up; throws, and the message may be stored all the same.</param>
    public async Task<StreamWrite> WriteOnceAsync(StreamMessage message, TimeSpan patience, CancellationToken ct)
    {
        using var limit = new TimeLimit(patience, time, ct);
        return await AskAsync(message, limit.Token, ct);
    }

    /// <summary>Writes until it is stored, refused for good, or the patience of <paramref name="terms"/> is over.</summary>
    /// <param name="message">What to store.</param>
    /// <param name="terms">For how long and how it is repeated.</param>
    /// <param name="ct">Gives up; throws, and the message may be stored all the same.</param>
    public async Task<StreamWrite> WriteAsync(StreamMessage message, WriteTerms terms, CancellationToken ct)
    {
        var begun = time.GetTimestamp();
        using var deadline = new TimeLimit(terms.Patience, time, ct);
        var last = new StreamWrite(WriteResult.Refused, "NATS is away");
        var mayBeStored = false;
        long? spentSince = null;
        try
        {
            for (var pause = MinPause; ; pause = pause * 2 < MaxPause ? pause * 2 : MaxPause)
            {
                await link.OpenAsync(deadline.Token);
                last = await PrepareAsync(terms, last.IsStreamMissing, deadline.Token) ?? await TryAsync();
                mayBeStored |= last.Result == WriteResult.Unknown;
                if (last.IsFinal || (last.Result == WriteResult.Full && !terms.WaitsForRoom) || (last.Result == WriteResult.Unknown && message.Id is null))
                {
                    break;
                }

                if (last.IsIdSpent && time.GetElapsedTime(spentSince ??= time.GetTimestamp()) >= terms.RenewsIdAfter)
                {
                    message = message with { Id = $"{message.Id}.{RandomNumberGenerator.GetHexString(8, lowercase: true)}" };
                    spentSince = null;
                }

                await Task.Delay(pause, time, deadline.Token);
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            last = link.IsOpen ? last : last with { Reason = link.Trouble };
        }

        // Once a try was not answered, what becomes of later ones says nothing of it, unless they were stored.
        return mayBeStored && !last.IsStored ? last with { Result = WriteResult.Unknown } : last;

        // Once begun, it ends as a try without an answer, not as one that never was, when the patience is over first.
        Task<StreamWrite> TryAsync()
        {
            deadline.Token.ThrowIfCancellationRequested();
            var left = terms.Patience - time.GetElapsedTime(begun);
            return left > terms.TryTimeout ? WriteOnceAsync(message, terms.TryTimeout, ct) : AskAsync(message, deadline.Token, ct);
        }
    }

    // End: ct, or the time is over that the stream has to answer.
    private async Task<StreamWrite> AskAsync(StreamMessage message, CancellationToken end, CancellationToken ct)
    {
        StreamWrite write;
        try
        {
            write = await (_answers ?? await SubscribeAsync(end)).AskAsync(message, HeadersOf(message), end);
        }
        catch (NatsPayloadTooLargeException fault)
        {
            write = new StreamWrite(WriteResult.TooLarge, fault.Message);
        }
        catch (Exception fault) when (fault is NatsException || (fault is OperationCanceledException && !ct.IsCancellationRequested))
        {
            write = new StreamWrite(WriteResult.Unknown, fault is OperationCanceledException ? "no answer in time" : fault.Message);
        }

        if (write.Result == WriteResult.Unknown)
        {
            Log.WriteUnknown(log, message.Subject, message.Id, write.Reason);
        }
        else if (!write.IsStored)
        {
            Log.WriteRefused(log, message.Subject, message.Id, write.Reason);
        }

        return write;
    }

    // Null if the stream may be written to.
    private static async Task<StreamWrite?> PrepareAsync(WriteTerms terms, bool isStreamMissing, CancellationToken ct)
    {
        try
        {
            if (terms.Prepare is { } prepare)
            {
                await prepare(isStreamMissing, ct);
            }

            return null;
        }
        catch (NatsException fault)
        {
            return new StreamWrite(WriteResult.Refused, fault.Message);
        }
    }

    // Several may come here at first; all but one end their subscription again.
    private async Task<PublishAnswers> SubscribeAsync(CancellationToken ct)
    {
        var made = await PublishAnswers.SubscribeAsync(link.Connection, ct);
        if (Interlocked.CompareExchange(ref _answers, made, null) is not { } first)
        {
            return made;
        }

        await made.DisposeAsync();
        return first;
    }

    private static NatsHeaders HeadersOf(StreamMessage message)
    {
        var headers = new NatsHeaders();
        foreach (var (name, value) in message.Headers)
        {
            headers.TryGetValue(name, out var before);
            headers[name] = StringValues.Concat(before, value);
        }

        if (message.Id is not null)
        {
            headers["Nats-Msg-Id"] = message.Id;
        }

        return headers;
    }
}

/// <summary>One message to store.</summary>
/// <param name="Subject">Its subject, which one stream takes.</param>
/// <param name="Id">The id by which the stream knows it again within its duplicate window; null for none, and then it is never repeated when its fate is unknown.</param>
/// <param name="Headers">Its headers.</param>
/// <param name="Body">Its body.</param>
public sealed record StreamMessage(string Subject, string? Id, IReadOnlyList<KeyValuePair<string, string>> Headers, ReadOnlyMemory<byte> Body);

/// <summary>For how long and how a write is repeated.</summary>
/// <param name="Patience">When it ends at the latest.</param>
public sealed record WriteTerms(TimeSpan Patience)
{
    /// <summary>How long a stream may take to answer one try. An ack takes milliseconds; one that is missing for longer was lost with a leader or a connection.</summary>
    public TimeSpan TryTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Whether a full stream is waited for; otherwise the write ends as full at once.</summary>
    public bool WaitsForRoom { get; init; }

    /// <summary>
    /// After how long a message whose id the server holds without having stored it (before 2.11) is repeated under another id; never, unless given, and the write
    /// ends as unknown. A server that is only slow stores it meanwhile, so what is stored twice is rare. Right where a second record does no harm and a missing
    /// one does.
    /// </summary>
    public TimeSpan? RenewsIdAfter { get; init; }

    /// <summary>Makes sure of the stream before each try; told whether the last one found no stream.</summary>
    public Func<bool, CancellationToken, Task>? Prepare { get; init; }
}

/// <summary>What became of a write.</summary>
/// <param name="Result">In one word.</param>
/// <param name="Reason">Why it is not stored, in words; empty when it is.</param>
public readonly record struct StreamWrite(WriteResult Result, string Reason)
{
    /// <summary>The stream that stored it.</summary>
    public string? Stream { get; init; }

    /// <summary>Whether no stream answered for the subject: it may have been deleted.</summary>
    public bool IsStreamMissing { get; init; }

    /// <summary>Whether the server holds the message id without having stored the message: repeats under it get no further before the duplicate window is over.</summary>
    public bool IsIdSpent { get; init; }

    /// <summary>Whether the stream refused it after it had looked for its message id in vain: nothing that was written before under this id is stored.</summary>
    public bool IsIdNew { get; init; }

    /// <summary>Whether the stream has it.</summary>
    public bool IsStored => Result is WriteResult.Stored or WriteResult.Duplicate;

    /// <summary>Whether repeating it would change nothing.</summary>
    public bool IsFinal => IsStored || Result == WriteResult.TooLarge;
}

/// <summary>What became of a write, in one word.</summary>
public enum WriteResult
{
    /// <summary>Stored now.</summary>
    Stored,

    /// <summary>Stored before, under the same message id.</summary>
    Duplicate,

    /// <summary>Not stored: the stream, the account or the server has no room. Somebody has to make some.</summary>
    Full,

    /// <summary>Not stored, for now: not connected, no stream, no leader, the server is busy.</summary>
    Refused,

    /// <summary>Not stored, for good: the message or its headers are larger than the server takes.</summary>
    TooLarge,

    /// <summary>Stored or not: there was no answer, or one that cannot be trusted.</summary>
    Unknown,
}
