using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Connectors.Testing;

/// <summary>Stands between a service and its nats-server, holds what it is told to, and loses it: a connection, an ack, an answer, a question or a delivery.</summary>
public sealed class NatsProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<Socket, bool> _sockets = new();
    private readonly int _server;
    private readonly Task _accepting;
    private int _acksToLose;
    private volatile bool _isDeaf;
    private byte[]? _answer;
    private int _answersToLose;
    private byte[]? _question;
    private byte[]? _delivery;
    private int _deliveriesToLose;
    private Lag? _lag;
    private Shortness? _short;

    /// <summary>Stands before the server on this port.</summary>
    public NatsProxy(int server)
    {
        _server = server;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>Where services find it.</summary>
    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Called with what a service sends, before the server gets it.</summary>
    public Func<ReadOnlyMemory<byte>, Task> Before { get; set; } = _ => Task.CompletedTask;

    /// <summary>Holds the connection of a service from the first bytes on that have this text in them.</summary>
    /// <param name="text">The text, ASCII.</param>
    /// <param name="passing">How often it passes before.</param>
    public Held Hold(string text, int passing = 0)
    {
        var held = new Held();
        var sought = Encoding.ASCII.GetBytes(text);
        var met = 0;
        Before = async bytes =>
        {
            if (bytes.Span.IndexOf(sought) >= 0 && Interlocked.Increment(ref met) == passing + 1)
            {
                held.Reach();
                await held.Released;
            }
        };
        return held;
    }

    /// <summary>From now on the server gets nothing of what a service sends on its connection.</summary>
    public void SwallowAll() => _isDeaf = true;

    /// <summary>The server does not get so many acks.</summary>
    public void LoseAcks(int count) => Volatile.Write(ref _acksToLose, count);

    /// <summary>The service does not get so many of a stream's answers to what it stores there.</summary>
    public void LoseAnswers(string stream, int count)
    {
        Volatile.Write(ref _answersToLose, count);
        Volatile.Write(ref _answer, Encoding.ASCII.GetBytes($"{{\"stream\":\"{stream}\""));
    }

    /// <summary>The server does not get what asks for the subjects of a stream.</summary>
    public void LoseCounts(string stream) => Volatile.Write(ref _question, Encoding.ASCII.GetBytes($"PUB $JS.API.STREAM.INFO.{stream} "));

    /// <summary>The service does not get so many of the messages, with headers, that consumers of a stream deliver.</summary>
    public void LoseDeliveries(string stream, int count)
    {
        Volatile.Write(ref _deliveriesToLose, count);
        Volatile.Write(ref _delivery, DeliveryOf(stream));
    }

    /// <summary>Consumers of a stream know nothing of its last messages, so many: they are as on a server that lags behind the stream's leader.</summary>
    public void LagBehind(string stream, int messages) =>
        Volatile.Write(ref _lag, new Lag(Encoding.ASCII.GetBytes($"\"stream_name\":\"{stream}\""), DeliveryOf(stream), messages));

    /// <summary>Looked up on any of its servers, a stream has nothing from behind a number on: as on one that lags behind the stream's leader. The leader has all.</summary>
    public void EndLookups(string stream, ulong behind) => Volatile.Write(ref _short, new Shortness(Encoding.ASCII.GetBytes($"PUB $JS.API.DIRECT.GET.{stream} "), behind));

    /// <summary>Cuts every connection; new ones pass.</summary>
    public void Cut()
    {
        var cut = _sockets.Keys;
        foreach (var socket in cut)
        {
            _sockets.TryRemove(socket, out _);
        }

        // Before a service can notice and come back: the server is to hear its new connection, and nothing more of the old one.
        _isDeaf = false;
        foreach (var socket in cut)
        {
            socket.Dispose();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        Cut();
        await _accepting;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var worker = await _listener.AcceptSocketAsync();
                var server = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                try
                {
                    await server.ConnectAsync(IPAddress.Loopback, _server);
                }
                catch (SocketException)
                {
                    // The server is away: so it is for this service, and may be back for the next.
                    worker.Dispose();
                    server.Dispose();
                    continue;
                }

                (_sockets[worker], _sockets[server]) = (true, true);
                _ = CopyAsync(worker, server, async bytes =>
                {
                    await Before(bytes);
                    return Kept(worker, bytes);
                });
                _ = CopyAsync(server, worker, bytes => Task.FromResult(Lagging(Delivered(Answered(bytes)))));
            }
        }
        catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
        {
            // Over.
        }
    }

    private static async Task CopyAsync(Socket from, Socket to, Func<Memory<byte>, Task<Memory<byte>>> keep)
    {
        var buffer = new byte[1 << 20];
        try
        {
            for (int read; (read = await from.ReceiveAsync(buffer)) > 0;)
            {
                for (var rest = await keep(buffer.AsMemory(0, read)); rest.Length > 0;)
                {
                    rest = rest[await to.SendAsync(rest)..];
                }
            }
        }
        catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
        {
            // Cut.
        }

        from.Dispose();
        to.Dispose();
    }

    private Memory<byte> Kept(Socket worker, Memory<byte> bytes)
    {
        if (_isDeaf || !_sockets.ContainsKey(worker))
        {
            return default;
        }

        var start = bytes.Span.IndexOf("PUB $JS.ACK."u8);
        var end = start < 0 ? -1 : bytes.Span[start..].IndexOf("+ACK\r\n"u8);
        return SoughtInVain(Asked(end < 0 || Interlocked.Decrement(ref _acksToLose) < 0 ? bytes : Without(bytes, start, start + end + 6)));
    }

    private Memory<byte> Asked(Memory<byte> bytes)
    {
        if (Volatile.Read(ref _question) is not { } question)
        {
            return bytes;
        }

        for (int from = 0, found; (found = bytes.Span[from..].IndexOf(question)) >= 0;)
        {
            var start = from + found;
            var body = EndOfLine(bytes, start);
            var end = body < 0 ? -1 : EndOfLine(bytes, body);
            if (end < 0)
            {
                break;
            }

            var isCount = bytes.Span[body..end].IndexOf("subjects_filter"u8) >= 0;
            (bytes, from) = isCount ? (Without(bytes, start, end), start) : (bytes, end);
        }

        return bytes;
    }

    // What asks for the next message of some subjects asks for those of subjects that nobody has.
    private Memory<byte> SoughtInVain(Memory<byte> bytes)
    {
        if (Volatile.Read(ref _short) is not { } lag)
        {
            return bytes;
        }

        for (int at = 0, found; (found = bytes.Span[at..].IndexOf(lag.Question)) >= 0;)
        {
            var body = EndOfLine(bytes, at + found);
            at = body < 0 ? -1 : EndOfLine(bytes, body);
            if (at < 0)
            {
                break;
            }

            var text = bytes.Span[body..at];
            var (number, subject) = (text.IndexOf(Shortness.Number), text.IndexOf(Shortness.Subject));
            if (number >= 0 && subject >= 0 && Utf8Parser.TryParse(text[(number + Shortness.Number.Length)..], out ulong seq, out _) && seq > lag.Behind)
            {
                text[subject + Shortness.Subject.Length] = (byte)'-';
            }
        }

        return bytes;
    }

    private Memory<byte> Answered(Memory<byte> bytes)
    {
        if (Volatile.Read(ref _answer) is not { } answer)
        {
            return bytes;
        }

        for (int found; (found = bytes.Span.IndexOf(answer)) >= 0;)
        {
            var start = bytes.Span[..found].LastIndexOf("MSG "u8);
            var end = EndOfLine(bytes, found);
            if (start < 0 || end < 0 || Interlocked.Decrement(ref _answersToLose) < 0)
            {
                break;
            }

            bytes = Without(bytes, start, end);
        }

        return bytes;
    }

    private Memory<byte> Delivered(Memory<byte> bytes)
    {
        if (Volatile.Read(ref _delivery) is not { } delivery)
        {
            return bytes;
        }

        for (int found; (found = bytes.Span.IndexOf(delivery)) >= 0;)
        {
            var start = bytes.Span[..found].LastIndexOf("HMSG "u8);
            var end = EndOfMessage(bytes, found);
            if (start < 0 || end < 0 || Interlocked.Decrement(ref _deliveriesToLose) < 0)
            {
                break;
            }

            bytes = Without(bytes, start, end);
        }

        return bytes;
    }

    // How many are pending stands in the answer that tells of a new consumer, and at the end of each delivery's reply subject.
    private Memory<byte> Lagging(Memory<byte> bytes)
    {
        if (Volatile.Read(ref _lag) is not { } lag)
        {
            return bytes;
        }

        var span = bytes.Span;
        for (int at = 0, found; (found = span[at..].IndexOf(lag.Consumer)) >= 0;)
        {
            at += found + lag.Consumer.Length;
            var pending = span[at..].IndexOf(Lag.Pending);
            if (pending >= 0)
            {
                Lower(span[(at + pending + Lag.Pending.Length)..], lag.Messages, ' ');
            }
        }

        for (int at = 0, found; (found = span[at..].IndexOf(lag.Delivery)) >= 0;)
        {
            at += found + lag.Delivery.Length;
            var end = span[at..].IndexOf((byte)' ');
            if (end >= 0)
            {
                Lower(span[(at + span[at..(at + end)].LastIndexOf((byte)'.') + 1)..], lag.Messages, '0');
            }
        }

        return bytes;
    }

    // The number that stands at the beginning, which goes on being as long as it was.
    private static void Lower(Span<byte> text, int by, char fill)
    {
        var length = text.IndexOfAnyExceptInRange((byte)'0', (byte)'9');
        if (length > 0)
        {
            var rest = Math.Max(0, int.Parse(text[..length], CultureInfo.InvariantCulture) - by);
            Encoding.ASCII.GetBytes(rest.ToString(CultureInfo.InvariantCulture).PadLeft(length, fill), text[..length]);
        }
    }

    private static byte[] DeliveryOf(string stream) => Encoding.ASCII.GetBytes($" $JS.ACK.{stream}.");

    // Of one whose first line has this place in it: that ends with the length of what follows.
    private static int EndOfMessage(Memory<byte> bytes, int from)
    {
        var body = EndOfLine(bytes, from);
        if (body < 0)
        {
            return -1;
        }

        var line = bytes.Span[from..(body - 2)];
        var end = body + int.Parse(line[(line.LastIndexOf((byte)' ') + 1)..], CultureInfo.InvariantCulture) + 2;
        return end <= bytes.Length ? end : -1;
    }

    private static int EndOfLine(Memory<byte> bytes, int from) => bytes.Span[from..].IndexOf("\r\n"u8) is var end and >= 0 ? from + end + 2 : -1;

    private static Memory<byte> Without(Memory<byte> bytes, int start, int end)
    {
        bytes.Span[end..].CopyTo(bytes.Span[start..]);
        return bytes[..(bytes.Length - (end - start))];
    }

    private sealed record Shortness(byte[] Question, ulong Behind)
    {
        public static ReadOnlySpan<byte> Number => "\"seq\":"u8;

        public static ReadOnlySpan<byte> Subject => "\"next_by_subj\":\""u8;
    }

    private sealed record Lag(byte[] Consumer, byte[] Delivery, int Messages)
    {
        public static ReadOnlySpan<byte> Pending => "\"num_pending\":"u8;
    }
}

/// <summary>What a <see cref="NatsProxy"/> holds back.</summary>
public sealed class Held
{
    private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes once a service has sent it.</summary>
    public Task Reached => _reached.Task;

    internal Task Released => _released.Task;

    /// <summary>Lets it go on, unless its connection was cut.</summary>
    public void Release() => _released.TrySetResult();

    internal void Reach() => _reached.TrySetResult();
}
