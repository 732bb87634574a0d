using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Connectors.QueueWorker.Tests;

/// <summary>Stands between a worker and its nats-server, and loses what it is told to: a connection, or an ack.</summary>
internal sealed class NatsProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<Socket, bool> _sockets = new();
    private readonly int _server;
    private readonly Task _accepting;
    private int _acksToLose;
    private volatile bool _isDeaf;

    public NatsProxy(int server)
    {
        _server = server;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>From now on the server gets nothing of what the worker sends on its connection.</summary>
    public void SwallowAll() => _isDeaf = true;

    /// <summary>The server does not get so many acks.</summary>
    public void LoseAcks(int count) => Volatile.Write(ref _acksToLose, count);

    /// <summary>Cuts every connection; new ones pass.</summary>
    public void Cut()
    {
        foreach (var (socket, _) in _sockets)
        {
            socket.Dispose();
            _sockets.TryRemove(socket, out _);
        }

        _isDeaf = false;
    }

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
                await server.ConnectAsync(IPAddress.Loopback, _server);
                (_sockets[worker], _sockets[server]) = (true, true);
                _ = CopyAsync(worker, server, Kept);
                _ = CopyAsync(server, worker, bytes => bytes);
            }
        }
        catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
        {
            // Over.
        }
    }

    private static async Task CopyAsync(Socket from, Socket to, Func<Memory<byte>, Memory<byte>> keep)
    {
        var buffer = new byte[1 << 20];
        try
        {
            for (int read; (read = await from.ReceiveAsync(buffer)) > 0;)
            {
                for (var rest = keep(buffer.AsMemory(0, read)); rest.Length > 0;)
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

    private Memory<byte> Kept(Memory<byte> bytes)
    {
        if (_isDeaf)
        {
            return default;
        }

        var start = bytes.Span.IndexOf("PUB $JS.ACK."u8);
        var end = start < 0 ? -1 : bytes.Span[start..].IndexOf("+ACK\r\n"u8);
        if (end < 0 || Interlocked.Decrement(ref _acksToLose) < 0)
        {
            return bytes;
        }

        var after = bytes.Span[(start + end + 6)..];
        after.CopyTo(bytes.Span[start..]);
        return bytes[..(start + after.Length)];
    }
}
