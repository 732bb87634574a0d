using System.Net;
using System.Net.Sockets;
using System.Text;
using Connectors.Testing;

namespace Connectors.QueueWorker.Tests;

/// <summary>Counts the sockets that it accepts, and answers 204 on each.</summary>
internal sealed class CountingListener : IDisposable
{
    private static readonly byte[] Answer = Encoding.ASCII.GetBytes("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");

    private readonly TcpListener _listener;
    private readonly List<int> _callers = [];
    private readonly CancellationTokenSource _stop = new();
    private int _own;

    private CountingListener(IPAddress address, int port)
    {
        _listener = new TcpListener(address, port);
        _listener.Start();
        _ = AcceptAsync();
    }

    public int Port => Address.Port;

    private IPEndPoint Address => (IPEndPoint)_listener.LocalEndpoint;

    public static CountingListener Start(IPAddress address, int port = 0) => new(address, port);

    public async Task<Socket> DialAsync(CancellationToken ct)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(Address, ct);
        return socket;
    }

    /// <summary>Sockets that others opened. One of our own is opened after them, and sockets are accepted in their order, so none is still to come.</summary>
    public async Task<int> CountAsync()
    {
        using var last = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await last.ConnectAsync(Address);
        var own = ((IPEndPoint)last.LocalEndPoint!).Port;
        await Eventually.HoldsAsync(() => Callers().Contains(own), "the last socket is accepted");
        return Callers().LastIndexOf(own) - _own++;
    }

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Dispose();
        _stop.Dispose();
    }

    private List<int> Callers()
    {
        lock (_callers)
        {
            return [.. _callers];
        }
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptSocketAsync(_stop.Token);
                lock (_callers)
                {
                    _callers.Add(((IPEndPoint)socket.RemoteEndPoint!).Port);
                }

                _ = ServeAsync(socket, _stop.Token);
            }
        }
        catch (Exception fault) when (fault is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private static async Task ServeAsync(Socket socket, CancellationToken stop)
    {
        using var stream = new NetworkStream(socket, ownsSocket: true);
        using var reader = new StreamReader(stream, Encoding.Latin1);
        try
        {
            while (await reader.ReadLineAsync(stop) is { Length: > 0 })
            {
                // Headers; the requests here have no body.
            }

            await stream.WriteAsync(Answer, stop);
        }
        catch (Exception fault) when (fault is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // The test is over, or the caller went away.
        }
    }
}
