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
    internal static readonly ReadOnlyMemory<byte> Ack = "+ACK"u8.ToArray();
    private static readonly ReadOnlyMemory<byte> Progress = "+WPI"u8.ToArray();

    private readonly AckSender _acks;
    private readonly string _reply;
    private readonly ReadOnlyMemory<byte> _headers;
    private NatsHeaders? _parsed;

    internal Delivery(AckSender acks, DeliveryAddress address, string subject, ReadOnlyMemory<byte> headers, ReadOnlyMemory<byte> body)
    {
        (_acks, _reply, _headers) = (acks, address.Reply, headers);
        (Subject, Body, Count, Place) = (subject, body, address.Count, address.Place);
        Envelope = Decode(out var error);
        EnvelopeError = error;
    }

    /// <summary>The envelope; null for a message that is none of ours.</summary>
    public Envelope? Envelope { get; }

    /// <summary>Why there is no envelope, in words.</summary>
    public string EnvelopeError { get; }

    /// <summary>The subject that the message stands on.</summary>
    public string Subject { get; }

    /// <summary>The message's body.</summary>
    public ReadOnlyMemory<byte> Body { get; }

    /// <summary>How often the message was handed over, this time included; naks count too.</summary>
    public int Count { get; }

    /// <summary>Where the message stands.</summary>
    public MessagePlace Place { get; }

    /// <summary>Whether it was nakked: from then on the message may be delivered again.</summary>
    public bool IsNakked { get; private set; }

    /// <summary>Every header line of the message.</summary>
    public IEnumerable<KeyValuePair<string, string>> Headers => from line in Parsed from value in line.Value select KeyValuePair.Create(line.Key, value ?? "");

    /// <summary>The value of a header; null without one.</summary>
    public string? Header(string name) => Parsed.TryGetValue(name, out var values) ? values.ToString() : null;

    /// <summary>
    /// Done: the message leaves the stream. The ack is sent and not waited for; one that a cut connection loses is sent again when it is back. A message that is
    /// delivered again although it was acked is to be acked again, and not run.
    /// </summary>
    /// <exception cref="NatsException">There is no connection. The ack is sent when there is one.</exception>
    public ValueTask AckAsync(CancellationToken ct) => _acks.AckAsync(_reply, Ack, ct);

    /// <summary>Gives the message back, to be delivered again after the delay.</summary>
    /// <exception cref="NatsException">There is no connection: the message comes again when its lease ends.</exception>
    public ValueTask NakAsync(TimeSpan delay, CancellationToken ct)
    {
        IsNakked = true;
        var nak = delay > TimeSpan.Zero ? string.Create(CultureInfo.InvariantCulture, $"-NAK {{\"delay\":{delay.Ticks * 100}}}") : "-NAK";
        return _acks.SendAsync(_reply, Encoding.ASCII.GetBytes(nak), ct);
    }

    /// <summary>Renews the lease by one <c>ack_wait</c>.</summary>
    public ValueTask ExtendAsync(CancellationToken ct) => _acks.SendAsync(_reply, Progress, ct);

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
                return EnvelopeCodec.TryDecode(value[..end].Trim((byte)' '), out error);
            }
        }

        return EnvelopeCodec.TryDecode(Header(EnvelopeCodec.HeaderName), out error);
    }

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
/// Sends acks without waiting for the server. What a cut connection may have lost is sent again on the next one, if that leads to the same server process: only
/// there are stream and consumer surely those that the acks are for. Elsewhere the messages come again, and are acked then.
/// </summary>
internal sealed class AckSender
{
    // More than may be on its way unread: a server that reads nothing delivers nothing either.
    private const int Kept = 4096;

    private readonly NatsLink _link;
    private readonly Lock _lock = new();
    private readonly (string Server, string Reply)[] _last = new (string, string)[Kept];
    private int _next;

    public AckSender(NatsLink link)
    {
        _link = link;
        link.Connection.ConnectionOpened += (_, _) => ReopenedAsync();
    }

    public NatsHeaderParser Headers => _link.Connection.HeaderParser;

    // Each start of a server has an id of its own.
    private string Server => _link.Connection.ServerInfo?.Id ?? "";

    public ValueTask AckAsync(string reply, ReadOnlyMemory<byte> ack, CancellationToken ct)
    {
        lock (_lock)
        {
            _last[_next] = (Server, reply);
            _next = (_next + 1) % Kept;
        }

        return SendAsync(reply, ack, ct);
    }

    public ValueTask SendAsync(string reply, ReadOnlyMemory<byte> word, CancellationToken ct) => _link.IsOpen
        ? _link.Connection.PublishAsync(reply, word, serializer: NatsRawSerializer<ReadOnlyMemory<byte>>.Default, cancellationToken: ct)
        : throw new NatsException($"NATS is away: {_link.Trouble}");

    private async ValueTask ReopenedAsync()
    {
        string[] last;
        lock (_lock)
        {
            last = [.. _last.Where(ack => ack.Server == Server).Select(ack => ack.Reply)];
            Array.Clear(_last);
        }

        foreach (var reply in last)
        {
            await _link.Connection.PublishAsync(reply, Delivery.Ack, serializer: NatsRawSerializer<ReadOnlyMemory<byte>>.Default);
        }
    }
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
