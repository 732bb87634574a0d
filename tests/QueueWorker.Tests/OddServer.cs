using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Connectors.QueueWorker.Tests;

/// <summary>An HTTP server that reads requests properly and answers each with whatever bytes a test gives it, however wrong: the function or receiver of a bad day.</summary>
internal sealed class OddServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Func<RawRequest, RawAnswer> _answer;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<RawRequest> _requests = new();

    private OddServer(Func<RawRequest, RawAnswer> answer)
    {
        _answer = answer;
        _listener.Start();
        _ = AcceptAsync();
    }

    public Uri Url => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/");

    public IReadOnlyCollection<RawRequest> Requests => _requests;

    public static OddServer Start(Func<RawRequest, RawAnswer> answer) => new(answer);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = ServeAsync(await _listener.AcceptSocketAsync(_stop.Token));
            }
        }
        catch (Exception fault) when (fault is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        using var stream = new NetworkStream(socket, ownsSocket: true);
        try
        {
            while (await ReadAsync(stream) is { } request)
            {
                _requests.Enqueue(request);
                var answer = _answer(request);
                await stream.WriteAsync(answer.Bytes, _stop.Token);
                await stream.FlushAsync(_stop.Token);
                if (answer.Then == After.Hang)
                {
                    await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, _stop.Token);
                }
                else if (answer.Then == After.Reset)
                {
                    socket.LingerState = new LingerOption(true, 0);
                    return;
                }
                else if (answer.Then == After.Close)
                {
                    return;
                }
            }
        }
        catch (Exception fault) when (fault is OperationCanceledException or IOException or ObjectDisposedException or SocketException)
        {
            // The test is over, or the caller went away.
        }
    }

    private async Task<RawRequest?> ReadAsync(NetworkStream stream)
    {
        var head = new List<byte>();
        var one = new byte[1];
        while (head.Count < 4 || !(head[^1] == '\n' && head[^2] == '\r' && head[^3] == '\n'))
        {
            if (await stream.ReadAsync(one, _stop.Token) == 0)
            {
                return null;
            }

            head.Add(one[0]);
        }

        var lines = Encoding.Latin1.GetString([.. head]).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var length = lines.Where(l => l.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase)).Select(l => int.Parse(l.Split(':')[1].Trim())).FirstOrDefault();
        var body = new byte[length];
        await stream.ReadExactlyAsync(body, _stop.Token);
        return new RawRequest(lines[0], [.. lines.Skip(1)], body);
    }
}

/// <summary>A request as its bytes said it.</summary>
internal sealed record RawRequest(string Line, IReadOnlyList<string> Headers, byte[] Body)
{
    public string Target => Line.Split(' ')[1];

    public string? Header(string name) =>
        Headers.Where(h => h.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase)).Select(h => h[(name.Length + 1)..].Trim()).FirstOrDefault();
}

/// <summary>What is written in return, and what becomes of the connection.</summary>
internal sealed record RawAnswer(byte[] Bytes, After Then = After.Keep)
{
    public RawAnswer(string text, After then = After.Keep)
        : this(Encoding.Latin1.GetBytes(text), then)
    {
    }

    public static RawAnswer Ok { get; } = new("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

internal enum After
{
    Keep,
    Close,
    Reset,
    Hang,
}
