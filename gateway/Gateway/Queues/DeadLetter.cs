using System.Globalization;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Gateway.Queues;

/// <summary>One message of a queue's dead letters.</summary>
internal sealed record DeadLetter
{
    /// <summary>Its place in the stream, by which it is named.</summary>
    public required ulong Seq { get; init; }

    public required string Subject { get; init; }

    public required DateTimeOffset Stored { get; init; }

    /// <summary>Letters behind it that match the same filter.</summary>
    public required ulong Behind { get; init; }

    /// <summary>Null for a message that is none of ours.</summary>
    public Envelope? Envelope { get; init; }

    /// <summary>Only with a callback's letter.</summary>
    public CallbackRecord? Callback { get; init; }

    public Biography? Biography { get; init; }

    /// <summary>Empty when only headers were asked for.</summary>
    public ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>Length of the body, read or not.</summary>
    public required long Size { get; init; }

    public string Function => (Envelope?.FunctionName ?? StreamNames.FunctionOf(Subject))?.ToString() ?? "";

    /// <summary><c>call</c>, <c>callback</c>, <c>cancelled</c> or <c>expired</c>.</summary>
    public string Kind => Subject.Split('.') is { Length: > 2 } tokens ? tokens[2] : "";

    public bool IsCallback => Kind == "callback";

    /// <summary>Whether all is there that is needed to put it back.</summary>
    public bool IsWhole => Envelope is { Version: Envelope.CurrentVersion } && (!IsCallback || Callback is not null) && Biography?.IsIncomplete != true;

    public IReadOnlyList<string> Tags => Envelope?.Tags ?? [];

    /// <summary>When it ended.</summary>
    public DateTimeOffset EndedAt => Biography?.LastAt ?? Stored;

    /// <summary>A letter as a reader of the stream gets it.</summary>
    public static DeadLetter From(INatsJSMsg<byte[]> message)
    {
        var metadata = message.Metadata ?? throw new NatsJSException("A message without metadata.");
        return From(metadata.Sequence.Stream, message.Subject, metadata.Timestamp, metadata.NumPending, message.Headers, message.Data ?? []);
    }

    /// <summary>A letter that was asked for by its number. How many are behind it nobody has said.</summary>
    public static DeadLetter From(StoredMessage message, NatsHeaders headers) => From(message.Seq, message.Subject, message.Time, 0, headers, message.Data);

    private static DeadLetter From(ulong seq, string subject, DateTimeOffset stored, ulong behind, NatsHeaders? headers, ReadOnlyMemory<byte> body)
    {
        return new DeadLetter
        {
            Seq = seq,
            Subject = subject,
            Stored = stored,
            Behind = behind,
            Envelope = EnvelopeCodec.TryDecode(Header(EnvelopeCodec.HeaderName), out _),
            Callback = CallbackRecord.TryDecode(Header(CallbackRecord.HeaderName)),
            Biography = Biography.TryDecode(Header(Biography.HeaderName)),
            Body = body,
            Size = long.TryParse(Header("Nats-Msg-Size"), NumberStyles.None, CultureInfo.InvariantCulture, out var size) ? size : body.Length,
        };

        string? Header(string name) => headers is not null && headers.TryGetValue(name, out var values) ? values.ToString() : null;
    }
}
