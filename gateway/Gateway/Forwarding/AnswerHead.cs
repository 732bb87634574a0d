using System.Buffers;
using System.Collections.Frozen;
using System.Globalization;
using System.Text;
using Connectors.Sdk.Invocation;
using Microsoft.Extensions.Primitives;

namespace Connectors.Gateway.Forwarding;

/// <summary>
/// Status line and headers of a server's answer, and what they say of the bytes that follow. Reading is lenient where RFC 9112 says how a proxy mends what it
/// got, and refuses what could be understood in two ways: a refused answer is never passed on in part.
/// </summary>
internal sealed class AnswerHead
{
    /// <summary>Status line and headers together, as every answer's on its way.</summary>
    public const int MaxBytes = 128 * 1024;

    /// <summary>Header lines of a head, folded ones included, and lines of its trailers.</summary>
    public const int MaxLines = 1000;

    private static readonly SearchValues<char> Token =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    // What most answers have, in the cases that servers write: no new text for each.
    private static readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> UsualNames = new[]
    {
        "Content-Type", "Content-Length", "Date", "Server", "Connection", "Transfer-Encoding", "Keep-Alive", "Cache-Control", "Vary", "ETag", "Last-Modified",
        "X-Call-Id", "X-Duration-Seconds", "X-Start-Time", "X-Powered-By", "content-type", "content-length", "date", "server",
    }.ToFrozenSet(StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();

    private readonly List<Header> _headers = new(8);
    private IReadOnlySet<string> _ofConnection = FrozenSet<string>.Empty;

    public required int Status { get; init; }

    /// <summary>In order, one for each line.</summary>
    public List<Header> Headers => _headers;

    public BodyFraming Framing { get; private set; }

    /// <summary>Bytes of the body with <see cref="BodyFraming.Length"/>; for an answer without a body, what it would have; null if not said.</summary>
    public long? Length { get; private set; }

    /// <summary>Whether another request may follow on the connection.</summary>
    public bool KeepsAlive { get; private set; }

    /// <summary>For how long the server promises to keep an idle connection.</summary>
    public TimeSpan? IdleLimit { get; private set; }

    /// <summary>Whether it only comes before the real one: 100, 102, 103.</summary>
    public bool IsInterim => Status is >= 100 and < 200 and not StatusCodes.Status101SwitchingProtocols;

    /// <summary>Reads a head.</summary>
    /// <param name="bytes">All up to and with the empty line.</param>
    /// <param name="method">What was asked: an answer to HEAD has no body.</param>
    /// <exception cref="BadAnswerException">It is no answer, or one that cannot be passed on.</exception>
    public static AnswerHead Parse(ReadOnlySequence<byte> bytes, string method)
    {
        Span<char> chars = bytes.Length <= 4096 ? stackalloc char[(int)bytes.Length] : new char[bytes.Length];
        Encoding.Latin1.GetChars(bytes, chars);
        var rest = (ReadOnlySpan<char>)chars;
        var (status, minor) = ReadStatusLine(NextLine(ref rest));
        var head = new AnswerHead { Status = status };
        head.ReadHeaders(rest);
        head.Frame(method, minor);
        return head;
    }

    /// <summary>Whether a header goes back to the caller: it concerns neither this connection nor the length, which is known better here.</summary>
    public bool IsPassedOn(Header header) => !HopByHop.Contains(header.Name) && !_ofConnection.Contains(header.Name) && !header.Is("Content-Length");

    /// <summary>The lines of that name.</summary>
    public StringValues Values(string name)
    {
        string? first = null;
        List<string>? all = null;
        foreach (var header in _headers)
        {
            if (!header.Is(name))
            {
                continue;
            }

            if (first is null)
            {
                first = header.Value;
            }
            else
            {
                (all ??= [first]).Add(header.Value);
            }
        }

        return all is null ? new StringValues(first) : new StringValues(all.ToArray());
    }

    /// <summary>The trailers behind its body that go back to the caller. Where none were announced nobody waits for any: if they cannot be read, there are none.</summary>
    /// <exception cref="BadAnswerException">They were announced, and cannot be read.</exception>
    public IEnumerable<Header> ReadTrailers(ReadOnlySpan<byte> bytes)
    {
        var trailers = new AnswerHead { Status = Status };
        try
        {
            trailers.ReadHeaders(Encoding.Latin1.GetString(bytes));
        }
        catch (BadAnswerException) when (Values("Trailer").Count == 0)
        {
            return [];
        }

        return trailers.Headers.Where(IsPassedOn);
    }

    private static (int Status, int Minor) ReadStatusLine(ReadOnlySpan<char> line)
    {
        const string Version = "HTTP/1.";
        if (!line.StartsWith(Version, StringComparison.Ordinal) || line.Length < 12 || !char.IsAsciiDigit(line[7]) || line[8] != ' ')
        {
            throw new BadAnswerException("it does not begin as an HTTP/1 answer does");
        }

        if (!int.TryParse(line[9..12], NumberStyles.None, CultureInfo.InvariantCulture, out var status) || status < 100 || (line.Length > 12 && line[12] != ' '))
        {
            throw new BadAnswerException("its status is no number from 100 to 999");
        }

        return (status, line[7] - '0');
    }

    private void ReadHeaders(ReadOnlySpan<char> rest)
    {
        if (rest is [' ' or '\t', ..])
        {
            throw new BadAnswerException("its first header begins with a space");
        }

        var lines = 0;
        while (rest.Length > 0 && NextLine(ref rest) is { Length: > 0 } line)
        {
            CountLine(ref lines);
            var colon = line.IndexOf(':');
            var name = colon < 0 ? default : line[..colon].TrimEnd(" \t");
            if (name.IsEmpty || name.ContainsAnyExcept(Token))
            {
                throw new BadAnswerException("it has a header line without a name");
            }

            _headers.Add(new Header(UsualNames.TryGetValue(name, out var usual) ? usual : name.ToString(), ReadValue(line[(colon + 1)..], ref rest, ref lines)));
        }
    }

    // With the folded lines that go on with it.
    private static string ReadValue(ReadOnlySpan<char> begin, scoped ref ReadOnlySpan<char> rest, scoped ref int lines)
    {
        var value = Clean(begin);
        if (rest is not [' ' or '\t', ..])
        {
            return value;
        }

        var folded = new StringBuilder(value);
        while (rest is [' ' or '\t', ..])
        {
            CountLine(ref lines);
            var more = Clean(NextLine(ref rest));
            folded.Append(folded.Length > 0 && more.Length > 0 ? " " : "").Append(more);
        }

        return folded.ToString();
    }

    private static void CountLine(scoped ref int lines)
    {
        if (++lines > MaxLines)
        {
            throw new BadAnswerException($"it has more than {MaxLines} header lines");
        }
    }

    // RFC 9112 6.3, in its order. What contradicts itself is refused: with two readings of where an answer ends, the next one could be anybody's.
    private void Frame(string method, int minor)
    {
        var connection = Values("Connection");
        KeepsAlive = minor > 0 && !HopByHop.Has(connection, "close");
        _ofConnection = HopByHop.NamedBy(connection);
        IdleLimit = ReadIdleLimit();
        Length = ReadLength();
        var codings = Values("Transfer-Encoding");
        if (Status is (>= 100 and < 200) or 204 or 304 || method == HttpMethods.Head)
        {
            Framing = BodyFraming.None;
        }
        else if (codings.Count > 0)
        {
            // Content-Length beside it does not count, and a server that sends both is not trusted with another request.
            Framing = codings is [var coding] && coding!.Trim().Equals("chunked", StringComparison.OrdinalIgnoreCase)
                ? BodyFraming.Chunked
                : throw new BadAnswerException($"its Transfer-Encoding is {codings.ToString().ToLowerInvariant()}");
            KeepsAlive &= Length is null && minor > 0;
            Length = null;
        }
        else
        {
            Framing = Length is null ? BodyFraming.UntilClosed : BodyFraming.Length;
            KeepsAlive &= Length is not null;
        }
    }

    // One number, however often it is repeated.
    private long? ReadLength()
    {
        long? length = null;
        foreach (var line in Values("Content-Length"))
        {
            foreach (var part in line.AsSpan().Split(','))
            {
                if (!long.TryParse(line.AsSpan()[part].Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) || (length ?? number) != number)
                {
                    throw new BadAnswerException("its Content-Length is not one number");
                }

                length = number;
            }
        }

        return length;
    }

    private TimeSpan? ReadIdleLimit()
    {
        foreach (var line in Values("Keep-Alive"))
        {
            foreach (var part in line.AsSpan().Split(','))
            {
                var value = line.AsSpan()[part].Trim();
                if (value.StartsWith("timeout=", StringComparison.OrdinalIgnoreCase) && int.TryParse(value[8..], NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
                {
                    return TimeSpan.FromSeconds(seconds);
                }
            }
        }

        return null;
    }

    private static ReadOnlySpan<char> NextLine(scoped ref ReadOnlySpan<char> rest)
    {
        var end = rest.IndexOf('\n');
        var line = end < 0 ? rest : rest[..end];
        rest = end < 0 ? default : rest[(end + 1)..];
        return line.EndsWith('\r') ? line[..^1] : line;
    }

    // What may not stand in a value becomes a space. Nothing else is one: with U+0085 or U+00A0, the last byte of a letter in UTF-8 would go.
    private static string Clean(ReadOnlySpan<char> value)
    {
        value = value.Trim(" \t");
        return value.IndexOfAnyInRange('\0', '\x1f') < 0 && !value.Contains('\x7f') ? value.ToString() : new Header("", value.ToString()).OneLine.Trim(' ', '\t');
    }
}

/// <summary>How it shows where an answer's body ends.</summary>
internal enum BodyFraming
{
    /// <summary>There is no body.</summary>
    None,

    /// <summary>Its length was said before.</summary>
    Length,

    /// <summary>It comes in chunks that say their own.</summary>
    Chunked,

    /// <summary>With the connection.</summary>
    UntilClosed,
}

/// <summary>An answer that cannot be passed on; the message says why, after "the answer cannot be passed on: ".</summary>
internal sealed class BadAnswerException(string message) : Exception(message);
