using System.Buffers;
using System.Buffers.Text;
using System.IO.Pipelines;
using System.Text;

namespace NATS.Client.Core;

/// <summary>Reads what the server sends after the handshake and hands each message to its subscription.</summary>
internal sealed class ProtocolReader(PipeReader pipe, SubscriptionTable subscriptions, ServerSession session, Encoding subjectEncoding)
{
    /// <summary>Longest control line: subject, reply and numbers. The server's own limit is 4 KiB by default.</summary>
    private const int LongestLine = 64 * 1024;

    private enum Step
    {
        NeedMore,
        Done,
        Waiting,
    }

    /// <summary>Runs until the server closes the connection or sends what is not NATS.</summary>
    public async Task ReadLoopAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var result = await pipe.ReadAsync(cancellationToken).ConfigureAwait(false);
            var buffer = result.Buffer;
            while (true)
            {
                var step = Advance(ref buffer, out var delivery);
                if (step == Step.NeedMore)
                    break;
                if (step == Step.Waiting)
                    await delivery.AsTask().WaitAsync(cancellationToken).ConfigureAwait(false);
            }

            pipe.AdvanceTo(buffer.Start, buffer.End);
            if (result.IsCompleted)
                return;
        }
    }

    private Step Advance(ref ReadOnlySequence<byte> buffer, out ValueTask delivery)
    {
        delivery = default;
        if (buffer.IsEmpty)
            return Step.NeedMore;

        var first = buffer.FirstSpan;
        var end = first.IndexOf("\r\n"u8);
        if (end >= 0)
            return Line(ref buffer, first[..end], out delivery);

        var reader = new SequenceReader<byte>(buffer);
        if (!reader.TryReadTo(out ReadOnlySequence<byte> line, "\r\n"u8))
        {
            return buffer.Length > LongestLine ? throw new NatsException("Server sent an endless line") : Step.NeedMore;
        }

        var length = checked((int)line.Length);
        var rented = ArrayPool<byte>.Shared.Rent(length);
        line.CopyTo(rented);
        try
        {
            return Line(ref buffer, rented.AsSpan(0, length), out delivery);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private Step Line(ref ReadOnlySequence<byte> buffer, ReadOnlySpan<byte> line, out ValueTask delivery)
    {
        delivery = default;
        if (line.StartsWith("MSG "u8))
            return Message(ref buffer, line.Length + 2, line[4..], hasHeaders: false, out delivery);
        if (line.StartsWith("HMSG "u8))
            return Message(ref buffer, line.Length + 2, line[5..], hasHeaders: true, out delivery);

        if (line.SequenceEqual("PING"u8))
            session.OnPing();
        else if (line.SequenceEqual("PONG"u8))
            session.OnPong();
        else if (line.StartsWith("INFO "u8))
            session.OnInfo(ServerInfo.Parse(line[5..]));
        else if (line.StartsWith("-ERR"u8))
            session.OnError(ErrorText(line));
        else if (!line.SequenceEqual("+OK"u8) && !line.IsEmpty)
            throw new NatsException($"Server sent an unknown command: {Encoding.ASCII.GetString(line[..Math.Min(line.Length, 32)])}");

        buffer = buffer.Slice(line.Length + 2);
        return Step.Done;
    }

    /// <summary><c>subject sid [reply] [header-length] total-length</c>, then so many bytes, then a line end.</summary>
    private Step Message(ref ReadOnlySequence<byte> buffer, int lineLength, ReadOnlySpan<byte> arguments, bool hasHeaders, out ValueTask delivery)
    {
        delivery = default;
        Span<Range> parts = stackalloc Range[6];
        var count = Split(arguments, parts);
        var numbers = hasHeaders ? 2 : 1;
        if (count != 2 + numbers && count != 3 + numbers)
            throw new NatsException("Server sent a message line that cannot be read");

        var total = Number(arguments[parts[count - 1]]);
        var headerLength = hasHeaders ? Number(arguments[parts[count - 2]]) : 0;
        if (headerLength > total)
            throw new NatsException("Server sent a message with impossible lengths");
        if (buffer.Length < lineLength + total + 2)
            return Step.NeedMore;

        var content = buffer.Slice(lineLength, total);
        var sid = Number(arguments[parts[1]]);
        if (subscriptions.Find(sid) is { } subscription)
        {
            var message = new WireMessage(
                subscription.SubjectOf(arguments[parts[0]], subjectEncoding),
                count == 3 + numbers ? subjectEncoding.GetString(arguments[parts[2]]) : null,
                hasHeaders,
                content.Slice(0, headerLength),
                content.Slice(headerLength));
            delivery = subscription.ReceiveAsync(message);
        }

        buffer = buffer.Slice(lineLength + total + 2);
        return delivery.IsCompletedSuccessfully ? Step.Done : Step.Waiting;
    }

    private static int Split(ReadOnlySpan<byte> arguments, Span<Range> parts)
    {
        var count = 0;
        foreach (var part in arguments.Split((byte)' '))
        {
            if (part.Start.Value == part.End.Value)
                continue;
            if (count == parts.Length)
                return -1;
            parts[count++] = part;
        }

        return count;
    }

    private static int Number(ReadOnlySpan<byte> digits) =>
        Utf8Parser.TryParse(digits, out int number, out var used) && used == digits.Length && number >= 0
            ? number
            : throw new NatsException("Server sent a message line that cannot be read");

    private static string ErrorText(ReadOnlySpan<byte> line) => Encoding.ASCII.GetString(line[4..]).Trim().Trim('\'');
}
