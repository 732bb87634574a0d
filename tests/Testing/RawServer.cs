using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Connectors.Testing;

/// <summary>An HTTP server by hand: it takes requests, and answers with whatever bytes the test says, whether they are HTTP or not.</summary>
public sealed class RawServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentQueue<RawRequest> _requests = new();
    private readonly Func<RawRequest, Task> _answer;

    private RawServer(Func<RawRequest, Task> answer) => _answer = answer;

    /// <summary>The server's address, with a slash at its end.</summary>
    public Uri Url => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/");

    /// <summary>Every request so far.</summary>
    public IReadOnlyCollection<RawRequest> Requests => _requests;

    /// <summary>Request line and headers of every request so far, each char a byte.</summary>
    public IReadOnlyCollection<string> Heads => [.. _requests.Select(request => request.Head)];

    /// <summary>Starts a server. <paramref name="answer"/> is called for each request's head; the connection stays open unless it closes it or throws.</summary>
    public static RawServer Start(Func<RawRequest, Task> answer)
    {
        var server = new RawServer(answer);
        server._listener.Start();
        _ = server.AcceptAsync();
        return server;
    }

    /// <summary>Starts a server that reads requests properly and answers each with what <paramref name="answer"/> says: the function or receiver of a bad day.</summary>
    public static RawServer Start(Func<RawRequest, RawAnswer> answer) => Start(async request =>
    {
        await request.ReadBodyAsync();
        var (bytes, then) = answer(request);
        await request.Client.GetStream().WriteAsync(bytes, request.Stopping);
        switch (then)
        {
            case After.Close:
                request.Close();
                break;
            case After.Reset:
                request.Reset();
                break;
            case After.Hang:
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, request.Stopping);
                break;
        }
    });

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Dispose();
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = ServeAsync(await _listener.AcceptTcpClientAsync(_stopping.Token), _stopping.Token);
            }
        }
        catch (Exception fault) when (fault is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Stopped.
        }
    }

    private async Task ServeAsync(TcpClient client, CancellationToken stopping)
    {
        try
        {
            using (client)
            {
                client.NoDelay = true;
                for (var number = 1; await ReadHeadAsync(client.GetStream(), stopping) is { } head; number++)
                {
                    var request = new RawRequest(head, number, client, stopping);
                    _requests.Enqueue(request);
                    await _answer(request);
                }
            }
        }
        catch (Exception fault) when (fault is IOException or OperationCanceledException or SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // The other side, or the test, ended the connection.
        }
    }

    private static async Task<string?> ReadHeadAsync(NetworkStream stream, CancellationToken stopping)
    {
        var head = new StringBuilder();
        var one = new byte[1];
        while (!(head.Length > 3 && head[^1] == '\n' && head[^2] == '\r' && head[^3] == '\n'))
        {
            if (await stream.ReadAsync(one, stopping) == 0)
            {
                return null;
            }

            head.Append((char)one[0]);
        }

        return head.ToString();
    }
}

/// <summary>A request that a <see cref="RawServer"/> got.</summary>
/// <param name="Head">Request line and headers with the empty line behind them.</param>
/// <param name="Number">Which it is on its connection, from 1.</param>
/// <param name="Client">The connection.</param>
/// <param name="Stopping">Cancelled when the server ends.</param>
public sealed record RawRequest(string Head, int Number, TcpClient Client, CancellationToken Stopping)
{
    /// <summary>Path and query as they came.</summary>
    public string Target => Head.Split(' ')[1];

    /// <summary>The first value of a header; null if it did not come.</summary>
    public string? Header(string name) =>
        Head.Split("\r\n").Where(line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase)).Select(line => line[(name.Length + 1)..].Trim()).FirstOrDefault();

    /// <summary>Reads the body that <c>Content-Length</c> announces, or that comes in chunks.</summary>
    public async Task<string> ReadBodyAsync()
    {
        if (Head.Contains("chunked\r\n", StringComparison.OrdinalIgnoreCase))
        {
            return await ReadUntilAsync("0\r\n\r\n");
        }

        return Header("Content-Length") is { } length ? await ReadAsync(int.Parse(length, System.Globalization.CultureInfo.InvariantCulture)) : "";
    }

    /// <summary>Reads up to and with these bytes.</summary>
    public async Task<string> ReadUntilAsync(string end)
    {
        var read = new StringBuilder();
        while (!read.ToString().EndsWith(end, StringComparison.Ordinal))
        {
            read.Append(await ReadAsync(1));
        }

        return read.ToString();
    }

    /// <summary>Sends bytes; each char is one.</summary>
    public async Task SendAsync(string bytes) => await Client.GetStream().WriteAsync(Encoding.Latin1.GetBytes(bytes), Stopping);

    /// <summary>Ends the connection in good order.</summary>
    public void Close() => Client.Close();

    /// <summary>Ends the connection with a reset.</summary>
    public void Reset()
    {
        Client.Client.LingerState = new LingerOption(true, 0);
        Client.Close();
    }

    private async Task<string> ReadAsync(int count)
    {
        var bytes = new byte[count];
        await Client.GetStream().ReadExactlyAsync(bytes, Stopping);
        return Encoding.Latin1.GetString(bytes);
    }
}

/// <summary>What is written in return, and what becomes of the connection.</summary>
/// <param name="Bytes">The answer, whether it is HTTP or not.</param>
/// <param name="Then">What follows.</param>
public sealed record RawAnswer(byte[] Bytes, After Then = After.Keep)
{
    /// <summary>An answer of chars, each a byte.</summary>
    public RawAnswer(string text, After then = After.Keep)
        : this(Encoding.Latin1.GetBytes(text), then)
    {
    }

    /// <summary>A good one.</summary>
    public static RawAnswer Ok { get; } = new("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

/// <summary>What becomes of a connection after an answer.</summary>
public enum After
{
    /// <summary>The next request may come.</summary>
    Keep,

    /// <summary>It ends in good order.</summary>
    Close,

    /// <summary>It ends with a reset.</summary>
    Reset,

    /// <summary>It stays open, and nothing more is read or written.</summary>
    Hang,
}
