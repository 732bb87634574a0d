using System.Buffers;
using System.Buffers.Text;
using System.IO.Pipelines;

namespace Connectors.Gateway.Forwarding;

/// <summary>Copies an answer's body as it comes: what lies in memory goes on at once, and it is flushed before each wait for more.</summary>
internal sealed class AnswerBody(PipeReader server, HttpResponse caller, bool isDropped, CancellationToken ct)
{
    private const int FlushBytes = 64 * 1024;
    private const int MaxSizeLine = 4 * 1024;
    private static readonly byte[] NewLine = "\r\n"u8.ToArray();

    private int _unflushed;

    /// <summary>Whether the caller gets chunks that are written here: the only way to send it trailers.</summary>
    public bool WritesChunks { get; init; }

    /// <summary>Copies the whole body, and its trailers where chunks are written here; throws <see cref="BadAnswerException"/> or <see cref="IOException"/> if it breaks off.</summary>
    public async Task CopyAsync(AnswerHead head)
    {
        switch (head.Framing)
        {
            case BodyFraming.Length:
                await CopyLengthAsync(head.Length!.Value);
                break;
            case BodyFraming.Chunked:
                await CopyChunksAsync(head);
                break;
            case BodyFraming.UntilClosed:
                await CopyUntilClosedAsync();
                break;
        }

        // The server flushes the end of an answer only together with its head. What follows a head that is out would wait for the caller's next request.
        if (caller.HasStarted)
        {
            await caller.BodyWriter.FlushAsync(ct);
        }
    }

    private async Task CopyLengthAsync(long length)
    {
        while (length > 0)
        {
            var read = await ReadAsync();
            var part = read.Buffer.Length > length ? read.Buffer.Slice(0, length) : read.Buffer;
            Write(part);
            length -= part.Length;
            server.AdvanceTo(part.End);
            if (read.IsCompleted && length > 0)
            {
                throw new BadAnswerException($"{length} bytes of its body are missing");
            }
        }
    }

    private async Task CopyUntilClosedAsync()
    {
        for (var isOver = false; !isOver;)
        {
            var read = await ReadAsync();
            Write(read.Buffer);
            server.AdvanceTo(read.Buffer.End);
            isOver = read.IsCompleted;
        }
    }

    private async Task CopyChunksAsync(AnswerHead head)
    {
        while (await ReadSizeAsync() is > 0 and var size)
        {
            await CopyLengthAsync(size);
            if (await ReadLineAsync(NewLine.Length) is not { IsEmpty: true })
            {
                throw new BadAnswerException("a chunk of its body is longer than it said");
            }
        }

        var trailers = new ArrayBufferWriter<byte>(64);
        while (await ReadLineAsync(AnswerHead.MaxBytes) is { IsEmpty: false } line)
        {
            if (trailers.WrittenCount + line.Length > AnswerHead.MaxBytes)
            {
                throw new BadAnswerException("its trailers are too long");
            }

            trailers.Write(line.Span);
            trailers.Write(NewLine);
        }

        if (WritesChunks)
        {
            WriteEnd(head, trailers.WrittenSpan);
        }
    }

    private async Task<long> ReadSizeAsync()
    {
        var line = await ReadLineAsync(MaxSizeLine);

        // What follows the number is an extension, of one connection only.
        return Utf8Parser.TryParse(line.Span, out long size, out var digits, 'x') && size >= 0 && (digits == line.Length || line.Span[digits] is (byte)';' or (byte)' ' or (byte)'\t')
            ? size
            : throw new BadAnswerException("a chunk of its body has no size");
    }

    // Without its end.
    private async Task<ReadOnlyMemory<byte>> ReadLineAsync(int maxBytes)
    {
        while (true)
        {
            var read = await ReadAsync();
            if (read.Buffer.PositionOf((byte)'\n') is { } end)
            {
                var line = read.Buffer.Slice(0, end).ToArray();
                server.AdvanceTo(read.Buffer.GetPosition(1, end));
                return line is [.., (byte)'\r'] ? line.AsMemory(0, line.Length - 1) : line;
            }

            server.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            if (read.IsCompleted || read.Buffer.Length > maxBytes)
            {
                throw new BadAnswerException("a chunk of its body does not end");
            }
        }
    }

    private async ValueTask<ReadResult> ReadAsync()
    {
        var reading = server.ReadAsync(ct);
        if ((!reading.IsCompleted && (_unflushed > 0 || !caller.HasStarted)) || _unflushed > FlushBytes)
        {
            // An event stream may be silent for long, and what a body is made of may take its time: the caller sees at once that there is an answer.
            _unflushed = 0;
            await caller.BodyWriter.FlushAsync(ct);
        }

        return await reading;
    }

    private void Write(ReadOnlySequence<byte> part)
    {
        if (isDropped || part.IsEmpty)
        {
            return;
        }

        if (WritesChunks)
        {
            Span<byte> size = stackalloc byte[18];
            Utf8Formatter.TryFormat(part.Length, size, out var digits, 'x');
            NewLine.CopyTo(size[digits..]);
            caller.BodyWriter.Write(size[..(digits + NewLine.Length)]);
        }

        foreach (var segment in part)
        {
            caller.BodyWriter.Write(segment.Span);
        }

        if (WritesChunks)
        {
            caller.BodyWriter.Write(NewLine);
        }

        _unflushed += (int)part.Length;
    }

    private void WriteEnd(AnswerHead head, ReadOnlySpan<byte> trailers)
    {
        caller.BodyWriter.Write("0\r\n"u8);
        if (!trailers.IsEmpty)
        {
            foreach (var trailer in head.ReadTrailers(trailers))
            {
                caller.BodyWriter.Write(System.Text.Encoding.Latin1.GetBytes($"{trailer.Name}: {trailer.Value}\r\n"));
            }
        }

        caller.BodyWriter.Write(NewLine);
    }
}
