using System.Buffers;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.Primitives;

namespace NATS.Client.Core;

/// <summary>The header block: <c>NATS/1.0[ code[ text]]</c>, then one line for each value, then an empty line.</summary>
internal static class HeaderCodec
{
    private static readonly SearchValues<char> LineBreaks = SearchValues.Create("\r\n");

    private static ReadOnlySpan<byte> Version => "NATS/1.0"u8;

    private static ReadOnlySpan<byte> LineEnd => "\r\n"u8;

    public static void Write(IBufferWriter<byte> writer, NatsHeaders headers, Encoding encoding)
    {
        writer.Write(Version);
        writer.Write(LineEnd);
        foreach (var (key, values) in headers)
        {
            CheckKey(key);
            foreach (var value in values)
            {
                if (value.AsSpan().ContainsAny(LineBreaks))
                    throw new NatsException($"Invalid header value of '{key}': contains a line break");
                Encoding.ASCII.GetBytes(key, writer);
                writer.Write(": "u8);
                encoding.GetBytes(value, writer);
                writer.Write(LineEnd);
            }
        }

        writer.Write(LineEnd);
    }

    public static int Measure(NatsHeaders headers, Encoding encoding)
    {
        var length = Version.Length + (2 * LineEnd.Length);
        foreach (var (key, values) in headers)
        {
            foreach (var value in values)
                length += key.Length + ": ".Length + encoding.GetByteCount(value ?? string.Empty) + LineEnd.Length;
        }

        return length;
    }

    /// <summary>Status code of the block's first line without reading the rest; 0 when there is none.</summary>
    public static int PeekStatus(in ReadOnlySequence<byte> block)
    {
        var codeStart = Version.Length + 1;
        if (block.Length < codeStart + 3)
            return 0;
        Span<byte> code = stackalloc byte[3];
        block.Slice(codeStart, 3).CopyTo(code);
        return System.Buffers.Text.Utf8Parser.TryParse(code, out int status, out var used) && used == 3 ? status : 0;
    }

    public static NatsHeaders Read(in ReadOnlySequence<byte> block, Encoding encoding)
    {
        if (block.IsSingleSegment)
            return Read(block.FirstSpan, encoding);

        var length = (int)block.Length;
        var rented = ArrayPool<byte>.Shared.Rent(length);
        block.CopyTo(rented);
        try
        {
            return Read(rented.AsSpan(0, length), encoding);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private static NatsHeaders Read(ReadOnlySpan<byte> block, Encoding encoding)
    {
        var headers = new NatsHeaders();
        var line = TakeLine(ref block);
        if (!line.StartsWith(Version))
        {
            headers.Error = new NatsException("Error parsing headers");
            return headers;
        }

        ReadStatus(line[Version.Length..].Trim((byte)' '), headers);
        while (!block.IsEmpty)
        {
            line = TakeLine(ref block);
            if (line.IsEmpty)
                break;
            var colon = line.IndexOf((byte)':');
            if (colon < 0)
            {
                headers.Error = new NatsException("Error parsing headers");
                break;
            }

            var key = Encoding.ASCII.GetString(line[..colon]);
            var value = encoding.GetString(line[(colon + 1)..].Trim(" \t"u8));
            headers[key] = headers.TryGetValue(key, out var earlier) ? StringValues.Concat(earlier, value) : value;
        }

        return headers;
    }

    private static void ReadStatus(ReadOnlySpan<byte> status, NatsHeaders headers)
    {
        if (status.IsEmpty)
            return;
        var space = status.IndexOf((byte)' ');
        var code = space < 0 ? status : status[..space];
        if (int.TryParse(code, CultureInfo.InvariantCulture, out var number))
            headers.Code = number;
        if (space < 0)
            return;
        headers.MessageText = Encoding.ASCII.GetString(status[(space + 1)..]).Trim();
        headers.Message = headers.MessageText switch
        {
            "Idle Heartbeat" => NatsHeaders.Messages.IdleHeartbeat,
            "Bad Request" => NatsHeaders.Messages.BadRequest,
            "Consumer Deleted" => NatsHeaders.Messages.ConsumerDeleted,
            "Consumer is push based" => NatsHeaders.Messages.ConsumerIsPushBased,
            "No Messages" => NatsHeaders.Messages.NoMessages,
            "Request Timeout" => NatsHeaders.Messages.RequestTimeout,
            "Message Size Exceeds MaxBytes" => NatsHeaders.Messages.MessageSizeExceedsMaxBytes,
            "Requests Pending" => NatsHeaders.Messages.RequestsPending,
            _ => NatsHeaders.Messages.Text,
        };
    }

    private static ReadOnlySpan<byte> TakeLine(ref ReadOnlySpan<byte> block)
    {
        var end = block.IndexOf(LineEnd);
        if (end < 0)
        {
            var rest = block;
            block = default;
            return rest;
        }

        var line = block[..end];
        block = block[(end + LineEnd.Length)..];
        return line;
    }

    private static void CheckKey(string key)
    {
        foreach (var c in key)
        {
            if (c is ':' or <= ' ' or > '~')
                throw new NatsException($"Invalid header key '{key}': contains colon, space, or other non-printable ASCII characters");
        }
    }
}
