using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using NATS.Client.JetStream;

namespace Connectors.QueueWorker;

/// <summary>One handing-over of a message, under a lease, and the ways to end it. The one type that hides the broker's.</summary>
internal sealed class Delivery
{
    private readonly INatsJSMsg<byte[]> _message;

    public Delivery(INatsJSMsg<byte[]> message)
    {
        var metadata = message.Metadata ?? throw new ArgumentException("The message is not from a stream.", nameof(message));
        _message = message;
        Count = (int)Math.Min(metadata.NumDelivered, int.MaxValue);
        Sequence = metadata.Sequence.Stream;
        Stored = metadata.Timestamp;
        Envelope = EnvelopeCodec.TryDecode(Header(EnvelopeCodec.HeaderName), out var error);
        EnvelopeError = error;
    }

    /// <summary>The envelope; null for a message that is none of ours.</summary>
    public Envelope? Envelope { get; }

    /// <summary>Why there is no envelope, in words.</summary>
    public string EnvelopeError { get; }

    public string Subject => _message.Subject;

    public ReadOnlyMemory<byte> Body => _message.Data ?? [];

    /// <summary>How often the message was handed over, this time included; hand-backs count too.</summary>
    public int Count { get; }

    /// <summary>The message's place in its stream.</summary>
    public ulong Sequence { get; }

    /// <summary>When the stream stored it.</summary>
    public DateTimeOffset Stored { get; }

    /// <summary>Whether it was given back: from then on the message may be delivered again.</summary>
    public bool IsHandedBack { get; private set; }

    /// <summary>Every header line of the message.</summary>
    public IEnumerable<KeyValuePair<string, string>> Headers =>
        from line in _message.Headers ?? [] from value in line.Value select KeyValuePair.Create(line.Key, value ?? "");

    public string? Header(string name) => _message.Headers is { } headers && headers.TryGetValue(name, out var values) ? values.ToString() : null;

    /// <summary>Done: the message leaves the stream. Returns once the server has confirmed it.</summary>
    public ValueTask AckAsync(CancellationToken ct) => _message.AckAsync(new AckOpts { DoubleAck = true }, ct);

    /// <summary>Gives the message back, to be delivered again after the delay.</summary>
    public ValueTask HandBackAsync(TimeSpan delay, CancellationToken ct)
    {
        IsHandedBack = true;
        return _message.NakAsync(delay: delay, cancellationToken: ct);
    }

    /// <summary>Renews the lease by one <c>ack_wait</c>.</summary>
    public ValueTask ExtendAsync(CancellationToken ct) => _message.AckProgressAsync(cancellationToken: ct);
}
