using System.Globalization;
using System.Text;
using NATS.Client.Core;

namespace NATS.Client.JetStream;

public readonly struct NatsJSMsg<T> : INatsJSMsg<T>
{
    private static readonly ReadOnlyMemory<byte> Ack = "+ACK"u8.ToArray();
    private static readonly ReadOnlyMemory<byte> Nak = "-NAK"u8.ToArray();
    private static readonly ReadOnlyMemory<byte> Progress = "+WPI"u8.ToArray();
    private static readonly ReadOnlyMemory<byte> Terminate = "+TERM"u8.ToArray();

    private readonly INatsJSContext _context;
    private readonly NatsMsg<T> _msg;

    public NatsJSMsg(NatsMsg<T> msg, INatsJSContext context)
    {
        _msg = msg;
        _context = context;
    }

    public string Subject => _msg.Subject;

    public int Size => _msg.Size;

    public NatsHeaders? Headers => _msg.Headers;

    public T? Data => _msg.Data;

    public INatsConnection? Connection => _msg.Connection;

    public NatsJSMsgMetadata? Metadata => NatsJSMsgMetadata.Parse(_msg.ReplyTo);

    public string? ReplyTo => _msg.ReplyTo;

    public NatsException? Error => _msg.Error;

    public void EnsureSuccess() => _msg.EnsureSuccess();

    public ValueTask ReplyAsync(NatsHeaders? headers = default, string? replyTo = default, NatsPubOpts? opts = default, CancellationToken cancellationToken = default) =>
        _msg.ReplyAsync(headers, replyTo, opts, cancellationToken);

    public ValueTask AckAsync(AckOpts? opts = default, CancellationToken cancellationToken = default) => SettleAsync(Ack, opts, cancellationToken);

    public ValueTask NakAsync(AckOpts? opts = default, TimeSpan delay = default, CancellationToken cancellationToken = default)
    {
        if (delay == TimeSpan.Zero)
            return SettleAsync(Nak, opts, cancellationToken);
        var nanoseconds = Nanoseconds.Of(delay);
        var payload = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"-NAK {{\"delay\": {nanoseconds}}}"));
        return SettleAsync(payload, opts, cancellationToken);
    }

    public ValueTask AckProgressAsync(AckOpts? opts = default, CancellationToken cancellationToken = default) => SettleAsync(Progress, opts, cancellationToken);

    public ValueTask AckTerminateAsync(AckOpts? opts = default, CancellationToken cancellationToken = default) => SettleAsync(Terminate, opts, cancellationToken);

    private ValueTask SettleAsync(ReadOnlyMemory<byte> payload, AckOpts? opts, CancellationToken cancellationToken)
    {
        if (_msg.Connection is not { } connection)
            throw new NatsException("unable to send acknowledgment; message did not originate from a consumer");
        if (string.IsNullOrWhiteSpace(_msg.ReplyTo))
            throw new NatsException("unable to send acknowledgment; ReplyTo is empty");

        return opts?.DoubleAck ?? _context.Opts.DoubleAck
            ? ConfirmedAsync(connection, _msg.ReplyTo, payload, cancellationToken)
            : connection.PublishAsync(_msg.ReplyTo, payload, serializer: NatsRawSerializer<ReadOnlyMemory<byte>>.Default, cancellationToken: cancellationToken);
    }

    private static async ValueTask ConfirmedAsync(INatsConnection connection, string subject, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken) =>
        await connection.RequestAsync(
            subject,
            payload,
            requestSerializer: NatsRawSerializer<ReadOnlyMemory<byte>>.Default,
            replySerializer: NatsRawSerializer<byte[]>.Default,
            cancellationToken: cancellationToken).ConfigureAwait(false);
}
