using System.Buffers;
using System.Globalization;
using System.Text;
using Connectors.Streams.Records;
using NATS.Client.Core;

namespace Connectors.Streams.Nats;

/// <summary>One handing-over of a message, under a lease, and the ways to end it. Hides the broker's own type.</summary>
public sealed class Delivery
{
    private static readonly byte[] Envelopes = Encoding.ASCII.GetBytes($"\r\n{EnvelopeCodec.HeaderName}:");
    private static readonly ReadOnlyMemory<byte> Progress = "+WPI"u8.ToArray();

    private readonly AckSender _acks;
    private readonly DeliveryAddress _address;
    private readonly long? _made;
    private readonly ReadOnlyMemory<byte> _headers;
    private volatile Numbering _numbering;
    private volatile bool _isLost;
    private NatsHeaders? _parsed;

    // Made: when its consumer was made, in ticks; null where one server holds the stream, and acks need no agreement.
    internal Delivery(AckSender acks, DeliveryAddress address, long? made, string subject, ReadOnlyMemory<byte> headers, ReadOnlyMemory<byte> body)
    {
        (_acks, _address, _made, _headers) = (acks, address with { Subject = subject }, made, headers);
        (_numbering, Body) = (acks.Numbers.Now, body);
        Envelope = Decode(out var error);
        EnvelopeError = error;
    }

    /// <summary>The envelope; null for a message that is none of ours. Of a newer one that has another shape, only the version is known.</summary>
    public Envelope? Envelope { get; }

    /// <summary>Why there is no envelope, in words.</summary>
    public string EnvelopeError { get; }

    /// <summary>The subject that the message stands on.</summary>
    public string Subject => _address.Subject;

    /// <summary>The message's body.</summary>
    public ReadOnlyMemory<byte> Body { get; }

    /// <summary>Bytes of the message, headers included.</summary>
    internal int Size => _headers.Length + Body.Length;

    /// <summary>How often the message was handed over, this time included; naks count too.</summary>
    public int Count => _address.Count;

    /// <summary>Where the message stands.</summary>
    public MessagePlace Place => _address.Place;

    /// <summary>After which time the message comes again, counted from its nak; null if it was not nakked.</summary>
    public TimeSpan? Again { get; private set; }

    /// <summary>Whether it was nakked: from then on the message may be delivered again.</summary>
    public bool IsNakked => Again is not null;

    /// <summary>What names it to its consumer.</summary>
    internal DeliveryAddress Address => _address;

    /// <summary>The last numbering under which its number is known to mean its message.</summary>
    internal Numbering Numbering => _numbering;

    /// <summary>Whether an ack was sent that the servers are to agree on: if the message is gone, then for that.</summary>
    internal bool MayBeAcked { get; set; }

    /// <summary>Every header line of the message.</summary>
    public IEnumerable<KeyValuePair<string, string>> Headers => from line in Parsed from value in line.Value select KeyValuePair.Create(line.Key, value ?? "");

    /// <summary>The value of a header; null without one.</summary>
    public string? Header(string name) => Parsed.TryGetValue(name, out var values) ? values.ToString() : null;

    /// <summary>
    /// Done: the message leaves the stream. Where one server holds it, the ack is sent and not waited for; where several do, this returns once they have agreed on
    /// it. One that cannot be sent at once is sent as soon as it can be, and one that a cut connection may have lost when it is back. A message that is delivered
    /// again although it was acked is to be acked again, and not run.
    /// </summary>
    /// <exception cref="NatsException">The ack cannot be sent at once; or the servers did not agree. The message may come again.</exception>
    public ValueTask AckAsync(CancellationToken ct) => _made is { } made ? new ValueTask(_acks.AgreeAsync(this, made, ct)) : _acks.AckAsync(this, ct);

    /// <summary>Gives the message back, to be delivered again after the delay.</summary>
    /// <exception cref="NatsException">There is no connection, or nobody tells whether the message is still there: it comes again when its lease ends.</exception>
    public async ValueTask NakAsync(TimeSpan delay, CancellationToken ct)
    {
        Again = delay > TimeSpan.Zero ? delay : TimeSpan.Zero;
        if (await IsThereAsync(ct))
        {
            var nak = delay > TimeSpan.Zero ? string.Create(CultureInfo.InvariantCulture, $"-NAK {{\"delay\":{delay.Ticks * 100}}}") : "-NAK";
            await _acks.SendAsync(_address.Reply, Encoding.ASCII.GetBytes(nak), ct);
        }
    }

    /// <summary>Renews the lease by one <c>ack_wait</c>.</summary>
    /// <returns>Whether it did: after a nak, whose delay it would replace, there is none to renew, nor of a message that is gone.</returns>
    /// <exception cref="NatsException">There is no connection, or nobody tells whether the message is still there.</exception>
    public async ValueTask<bool> ExtendAsync(CancellationToken ct)
    {
        if (IsNakked || !await IsThereAsync(ct) || IsNakked)
        {
            return false;
        }

        await _acks.SendAsync(_address.Reply, Progress, ct);
        return true;
    }

    /// <summary>Whether its number still means its message: asked of the stream's leader once after each change of the numbering. Of any other, nothing may be sent.</summary>
    /// <exception cref="NatsException">Nobody tells.</exception>
    internal ValueTask<bool> IsThereAsync(CancellationToken ct) =>
        _isLost || _numbering == _acks.Numbers.Now ? new ValueTask<bool>(!_isLost) : AskAsync(ct);

    private async ValueTask<bool> AskAsync(CancellationToken ct)
    {
        for (var now = _acks.Numbers.Now; now != _numbering && !_isLost; now = _acks.Numbers.Now)
        {
            if (await _acks.Numbers.MeansAsync(Place, Subject, ct))
            {
                _numbering = now;
            }
            else
            {
                _isLost = true;
                if (!MayBeAcked)
                {
                    _acks.Numbers.TellLost(Place, Subject);
                }
            }
        }

        return !_isLost;
    }

    private NatsHeaders Parsed => _parsed ??= Parse();

    // The one header that every message of ours has, read as it stands in the message. A message that has it twice, or otherwise, is read in full.
    private Envelope? Decode(out string error)
    {
        var block = _headers.Span;
        var start = block.IndexOf(Envelopes);
        if (start >= 0)
        {
            var value = block[(start + Envelopes.Length)..];
            var end = value.IndexOf("\r\n"u8);
            if (end >= 0 && value[end..].IndexOf(Envelopes) < 0)
            {
                return Decode(value[..end].Trim((byte)' '), out error);
            }
        }

        var header = Header(EnvelopeCodec.HeaderName);
        return header is null ? EnvelopeCodec.TryDecode(header, out error) : Decode(Encoding.UTF8.GetBytes(header), out error);
    }

    private static Envelope? Decode(ReadOnlySpan<byte> header, out string error) => EnvelopeCodec.TryDecode(header, out error) ?? EnvelopeCodec.TryDecodeNewer(header);

    private NatsHeaders Parse()
    {
        try
        {
            var headers = new NatsHeaders();
            return _headers.IsEmpty || _acks.Headers.ParseHeaders(new SequenceReader<byte>(new ReadOnlySequence<byte>(_headers)), headers) ? headers : [];
        }
        catch (Exception)
        {
            // No client writes such headers. The message is to get its end as one without any.
            return [];
        }
    }
}

/// <summary>Where a message stands. Streams count each for itself, and anew when they are created anew, so the number alone names no message.</summary>
/// <param name="Stream">The stream.</param>
/// <param name="Sequence">Its number there.</param>
/// <param name="Stored">When it was stored.</param>
public readonly record struct MessagePlace(string Stream, ulong Sequence, DateTimeOffset Stored)
{
    /// <inheritdoc/>
    public override int GetHashCode() => Sequence.GetHashCode();
}

/// <summary>
/// What the reply subject of a delivery tells: <c>$JS.ACK.&lt;stream&gt;.&lt;consumer&gt;.&lt;count&gt;.&lt;sequence&gt;.&lt;consumer's sequence&gt;.&lt;stored&gt;.&lt;pending&gt;</c>, or the
/// same with domain and account before the stream.
/// </summary>
/// <param name="Reply">The subject itself.</param>
/// <param name="Consumer">Which part of it is the stream's name, a dot and the consumer's.</param>
/// <param name="Count">How often the message was delivered, this time included.</param>
/// <param name="Place">Where it stands.</param>
internal readonly record struct DeliveryAddress(string Reply, Range Consumer, int Count, MessagePlace Place)
{
    private const string Prefix = "$JS.ACK.";
    private const int ShortForm = 7;
    private const int LongForm = 9;

    /// <summary>The message's subject, which stands beside it.</summary>
    public string Subject { get; init; } = "";

    public static DeliveryAddress? Read(string? reply)
    {
        if (reply is null || !reply.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return null;
        }

        Span<Range> parts = stackalloc Range[LongForm + 2];
        var rest = reply.AsSpan(Prefix.Length);
        var count = rest.Split(parts, '.');
        var first = count == ShortForm ? 0 : 2;
        if (count is not (ShortForm or >= LongForm)
            || !int.TryParse(rest[parts[first + 2]], NumberStyles.None, CultureInfo.InvariantCulture, out var delivered)
            || !ulong.TryParse(rest[parts[first + 3]], NumberStyles.None, CultureInfo.InvariantCulture, out var sequence)
            || !long.TryParse(rest[parts[first + 5]], NumberStyles.None, CultureInfo.InvariantCulture, out var nanoseconds))
        {
            return null;
        }

        var (stream, consumer) = (parts[first], parts[first + 1]);
        return new DeliveryAddress(
            reply,
            (Prefix.Length + stream.Start.Value)..(Prefix.Length + consumer.End.Value),
            delivered,
            new MessagePlace(rest[stream].ToString(), sequence, DateTimeOffset.FromUnixTimeMilliseconds(nanoseconds / 1_000_000)));
    }
}
