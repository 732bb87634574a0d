using Connectors.Sdk.Invocation;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace Connectors.QueueWorker;

/// <summary>Stores messages, each under an id by which the stream knows it again when it is written twice.</summary>
internal sealed class StreamWriter(Broker broker, TimeProvider time, ILogger<StreamWriter> log)
{
    // Status line, message id and what else client and server add to the headers.
    private const int OverheadBytes = 1024;

    private static readonly TimeSpan FirstWait = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(2);

    // JetStream's error codes for a stream, an account or a server without room.
    private static readonly int[] NoRoom = [10023, 10028, 10047];

    /// <summary>Whether the server takes a message of that size at all.</summary>
    public bool Fits(StreamMessage message) =>
        message.Body.Length + message.Headers.Sum(h => h.Key.Length + h.Value.Length + 4) + OverheadBytes <= broker.MaxPayload;

    /// <summary>Writes until it is stored, while the caller keeps its lease.</summary>
    public Task StoreForSureAsync(StreamMessage message, CancellationToken ct) => RepeatAsync(message, WriteResult.Stored, ct);

    /// <summary>Writes until it is stored or surely refused for want of room.</summary>
    public Task<WriteResult> StoreUnlessFullAsync(StreamMessage message, CancellationToken ct) => RepeatAsync(message, WriteResult.Full, ct);

    /// <summary>Writes once.</summary>
    public async Task<WriteResult> StoreAsync(StreamMessage message, CancellationToken ct)
    {
        try
        {
            var headers = new NatsHeaders();
            foreach (var (name, value) in message.Headers)
            {
                headers.Add(name, value);
            }

            var ack = await broker.JetStream.PublishAsync(
                message.Subject, message.Body, NatsRawSerializer<ReadOnlyMemory<byte>>.Default, new NatsJSPubOpts { MsgId = message.Id }, headers, ct);
            if (ack.Error is { } error)
            {
                var words = error.Description ?? "";
                Log.WriteRefused(log, message.Subject, message.Id, words);
                return IsFull(error.ErrCode, words) ? WriteResult.Full : WriteResult.Unknown;
            }

            return WriteResult.Stored;
        }
        catch (Exception fault) when (fault is NatsException || (fault is OperationCanceledException && !ct.IsCancellationRequested))
        {
            Log.WriteFailed(log, message.Subject, message.Id, fault.Message);
            return WriteResult.Unknown;
        }
    }

    private async Task<WriteResult> RepeatAsync(StreamMessage message, WriteResult until, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            var result = await StoreAsync(message, ct);
            if (result == WriteResult.Stored || result == until)
            {
                return result;
            }

            await Task.Delay(BackOff.Delay(BackOffKind.Exponential, attempt, FirstWait, LongestWait, new Random()), time, ct);
        }
    }

    // 10077 means that the store failed; its words say whether for want of room.
    private static bool IsFull(int code, string words) =>
        NoRoom.Contains(code) || (code == 10077 && words.Contains("maximum", StringComparison.OrdinalIgnoreCase));
}

/// <summary>One message to store.</summary>
internal sealed record StreamMessage(string Subject, string Id, IReadOnlyList<KeyValuePair<string, string>> Headers, ReadOnlyMemory<byte> Body);

/// <summary>What became of a write.</summary>
internal enum WriteResult
{
    /// <summary>Acked by the stream, now or the first time.</summary>
    Stored,

    /// <summary>The stream has no room.</summary>
    Full,

    /// <summary>Stored or not: there was no answer, or one that says to try again.</summary>
    Unknown,
}
