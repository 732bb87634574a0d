using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using NATS.Client.JetStream;

namespace Connectors.QueueWorker.Settling;

/// <summary>One handing-over of a message, under a lease, and the ways to end it. The one type that hides the broker's.</summary>
internal sealed class Delivery
{
    private readonly INatsJSMsg<byte[]> _message;

    public Delivery(INatsJSMsg<byte[]> message)
    {
        var metadata = message.Metadata ?? throw new ArgumentException("The message is not from a stream.", nameof(message));
        _message = message;
        Count = (int)Math.Min(metadata.NumDelivered, int.MaxValue);
        Place = new MessagePlace(metadata.Stream, metadata.Sequence.Stream, metadata.Timestamp);
        Envelope = EnvelopeCodec.TryDecode(Header(EnvelopeCodec.HeaderName), out var error);
        EnvelopeError = error;
    }

    /// <summary>The envelope; null for a message that is none of ours.</summary>
    public Envelope? Envelope { get; }

    /// <summary>Why there is no envelope, in words.</summary>
    public string EnvelopeError { get; }

    public string Subject => _message.Subject;

    public ReadOnlyMemory<byte> Body => _message.Data ?? [];

    /// <summary>How often the message was handed over, this time included; naks count too.</summary>
    public int Count { get; }

    /// <summary>Where the message stands.</summary>
    public MessagePlace Place { get; }

    /// <summary>Whether it was nakked: from then on the message may be delivered again.</summary>
    public bool IsNakked { get; private set; }

    /// <summary>Every header line of the message.</summary>
    public IEnumerable<KeyValuePair<string, string>> Headers =>
        from line in _message.Headers ?? [] from value in line.Value select KeyValuePair.Create(line.Key, value ?? "");

    public string? Header(string name) => _message.Headers is { } headers && headers.TryGetValue(name, out var values) ? values.ToString() : null;

    /// <summary>Done: the message leaves the stream. Returns once the server has confirmed it.</summary>
    public ValueTask AckAsync(CancellationToken ct) => _message.AckAsync(new AckOpts { DoubleAck = true }, ct);

    /// <summary>Gives the message back, to be delivered again after the delay.</summary>
    public ValueTask NakAsync(TimeSpan delay, CancellationToken ct)
    {
        IsNakked = true;
        return _message.NakAsync(delay: delay, cancellationToken: ct);
    }

    /// <summary>Renews the lease by one <c>ack_wait</c>.</summary>
    public ValueTask ExtendAsync(CancellationToken ct) => _message.AckProgressAsync(cancellationToken: ct);
}

/// <summary>Where a message stands. Streams count each for itself, and anew when they are created anew, so the number alone names no message.</summary>
internal readonly record struct MessagePlace(string Stream, ulong Sequence, DateTimeOffset Stored);

/// <summary>What a stream's deliveries are for: calls are dispatched, callback records are posted.</summary>
internal interface IDeliveryHandler
{
    /// <summary>Brings a delivery to its end; its slot and its lease are held until the task ends.</summary>
    Task<Handled> HandleAsync(Delivery delivery, Grace grace);

    /// <summary>Gives back a delivery for which there is no slot, or no time left.</summary>
    Task NakAsync(Delivery delivery, CancellationToken ct);

    /// <summary>Ends a delivery whose handling threw: nakked, so that another try may do better, and a dead letter when several did not.</summary>
    Task FailAsync(Delivery delivery, Exception fault, CancellationToken ct);

    /// <summary>How long one delivery may take; what takes longer is stuck.</summary>
    TimeSpan Limit { get; }
}

/// <summary>What a stopping worker allows what still runs.</summary>
/// <param name="Sends">Cancelled when the grace period is over: requests are aborted and their deliveries nakked.</param>
/// <param name="Writes">Cancelled a little later, so that what was decided can still be written and acked.</param>
internal readonly record struct Grace(CancellationToken Sends, CancellationToken Writes);

/// <summary>What the loop that pulls may learn from the end of a delivery.</summary>
/// <param name="Load">What the function's answer says about its load.</param>
/// <param name="Again">When set, the message was nakked and comes again after this time.</param>
internal readonly record struct Handled(Load Load = Load.Unknown, TimeSpan? Again = null);

/// <summary>What an answer says about a function's load.</summary>
internal enum Load
{
    /// <summary>Nothing: it was not sent, or failed for reasons of its own.</summary>
    Unknown,

    /// <summary>It took the call.</summary>
    Took,

    /// <summary>It had no room: 429, or no connection.</summary>
    Refused,
}
