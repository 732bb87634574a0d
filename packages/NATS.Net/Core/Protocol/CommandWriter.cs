using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;

namespace NATS.Client.Core;

/// <summary>Commands of one session, gathered in a pipe and sent in as few writes as the traffic allows.</summary>
internal sealed class CommandWriter
{
    /// <summary>With so many bytes unsent, writers wait.</summary>
    private const int PauseAt = 4 << 20;

    private readonly Pipe _pipe;
    private readonly Encoding _subjectEncoding;

    // Guards the pipe's writer, which takes one caller at a time.
    private readonly Lock _gate = new();
    private Task _room = Task.CompletedTask;
    private bool _closed;

    public CommandWriter(NatsOpts opts)
    {
        _subjectEncoding = opts.SubjectEncoding;
        _pipe = new Pipe(new PipeOptions(
            pauseWriterThreshold: PauseAt,
            resumeWriterThreshold: PauseAt / 2,
            minimumSegmentSize: opts.WriterBufferSize,
            useSynchronizationContext: false));
    }

    /// <summary>Sends what was written until the session closes.</summary>
    public async Task SendLoopAsync(Stream stream, CancellationToken cancellationToken)
    {
        var reader = _pipe.Reader;
        try
        {
            while (true)
            {
                var result = await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
                foreach (var segment in result.Buffer)
                    await stream.WriteAsync(segment, cancellationToken).ConfigureAwait(false);
                reader.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted)
                    break;
            }
        }
        finally
        {
            Close();
            await reader.CompleteAsync().ConfigureAwait(false);
        }
    }

    /// <summary>No more commands; what was written is still sent.</summary>
    public void Close()
    {
        lock (_gate)
        {
            if (!_closed)
            {
                _closed = true;
                _pipe.Writer.Complete();
            }
        }
    }

    /// <returns>False when the session is over and nothing was written.</returns>
    public ValueTask<bool> PublishAsync(string subject, string? replyTo, int headerLength, PayloadBuffer content, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_closed)
                return new ValueTask<bool>(false);
            if (_room.IsCompleted)
            {
                return new ValueTask<bool>(WritePublish(subject, replyTo, headerLength, content.Written.Span));
            }
        }

        // The content is the thread's; it must be ours before we wait.
        return PublishWhenRoomAsync(subject, replyTo, headerLength, content.Written.ToArray(), cancellationToken);
    }

    public ValueTask<bool> SubscribeAsync(long sid, string subject, string? queueGroup, CancellationToken cancellationToken) =>
        LineAsync(queueGroup is null ? $"SUB {subject} {sid}\r\n" : $"SUB {subject} {queueGroup} {sid}\r\n", cancellationToken);

    public ValueTask<bool> UnsubscribeAsync(long sid, CancellationToken cancellationToken) =>
        LineAsync(string.Create(CultureInfo.InvariantCulture, $"UNSUB {sid}\r\n"), cancellationToken);

    public ValueTask<bool> PingAsync(CancellationToken cancellationToken) => LineAsync("PING\r\n", cancellationToken);

    /// <summary>Answers a ping. Never waits: it is the reading loop that calls.</summary>
    public void Pong()
    {
        lock (_gate)
        {
            if (!_closed && _room.IsCompleted)
            {
                _pipe.Writer.Write("PONG\r\n"u8);
                Flush();
            }
        }
    }

    private async ValueTask<bool> PublishWhenRoomAsync(string subject, string? replyTo, int headerLength, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        while (true)
        {
            await Volatile.Read(ref _room).WaitAsync(cancellationToken).ConfigureAwait(false);
            lock (_gate)
            {
                if (_closed)
                    return false;
                if (_room.IsCompleted)
                {
                    return WritePublish(subject, replyTo, headerLength, content.Span);
                }
            }
        }
    }

    private async ValueTask<bool> LineAsync(string line, CancellationToken cancellationToken)
    {
        while (true)
        {
            lock (_gate)
            {
                if (_closed)
                    return false;
                if (_room.IsCompleted)
                {
                    _subjectEncoding.GetBytes(line, _pipe.Writer);
                    return Flush();
                }
            }

            await Volatile.Read(ref _room).WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private bool WritePublish(string subject, string? replyTo, int headerLength, ReadOnlySpan<byte> content)
    {
        var writer = _pipe.Writer;
        var most = _subjectEncoding.GetMaxByteCount(subject.Length + (replyTo?.Length ?? 0)) + 40;
        var line = writer.GetSpan(most);
        var at = Append(line, 0, headerLength > 0 ? "HPUB "u8 : "PUB "u8);
        at += _subjectEncoding.GetBytes(subject, line[at..]);
        line[at++] = (byte)' ';
        if (replyTo is not null)
        {
            at += _subjectEncoding.GetBytes(replyTo, line[at..]);
            line[at++] = (byte)' ';
        }

        if (headerLength > 0)
        {
            at = Append(line, at, headerLength);
            line[at++] = (byte)' ';
        }

        at = Append(line, at, content.Length);
        at = Append(line, at, "\r\n"u8);
        writer.Advance(at);
        writer.Write(content);
        writer.Write("\r\n"u8);
        return Flush();
    }

    /// <returns>False when nobody reads the pipe any more, so that what was written is surely not sent.</returns>
    private bool Flush()
    {
        var flush = _pipe.Writer.FlushAsync();
        if (!flush.IsCompleted)
            Volatile.Write(ref _room, flush.AsTask());
        else if (flush.GetAwaiter().GetResult().IsCompleted)
            _closed = true;
        return !_closed;
    }

    private static int Append(Span<byte> line, int at, ReadOnlySpan<byte> text)
    {
        text.CopyTo(line[at..]);
        return at + text.Length;
    }

    private static int Append(Span<byte> line, int at, int number)
    {
        number.TryFormat(line[at..], out var written, provider: CultureInfo.InvariantCulture);
        return at + written;
    }
}
