using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Connectors.Faults.Tests;

/// <summary>A TCP relay between two parts, which can be cut, closed, slow, or silent.</summary>
internal sealed class Link : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<Socket, bool> _sockets = new();
    private readonly Task _accepting;
    private volatile TaskCompletionSource _passing = Passed();
    private volatile int _delay;
    private volatile bool _isClosed;

    public Link()
    {
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>Where one side connects to.</summary>
    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Where the other side listens.</summary>
    public int Target { get; set; }

    /// <summary>From now on each piece of data comes so much later; zero for at once.</summary>
    public void Delay(TimeSpan delay) => _delay = (int)delay.TotalMilliseconds;

    /// <summary>Keeps all data back: connections stay open, and nothing is heard over them.</summary>
    public void Silence() => _passing = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Passes data on again. What was kept back comes, unless <see cref="Cut"/> is called first.</summary>
    public void Pass() => _passing.TrySetResult();

    /// <summary>Takes no connections, and cuts those there are.</summary>
    public void Close()
    {
        _isClosed = true;
        Cut();
    }

    /// <summary>Takes connections again.</summary>
    public void Open() => _isClosed = false;

    /// <summary>Cuts every connection; new ones pass.</summary>
    public void Cut()
    {
        foreach (var (socket, _) in _sockets)
        {
            End(socket);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        Cut();
        Pass();
        await _accepting;
    }

    private static TaskCompletionSource Passed()
    {
        var passed = new TaskCompletionSource();
        passed.SetResult();
        return passed;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = JoinAsync(await _listener.AcceptSocketAsync());
            }
        }
        catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
        {
            // Over.
        }
    }

    private async Task JoinAsync(Socket near)
    {
        var far = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        near.NoDelay = true;
        (_sockets[near], _sockets[far]) = (true, true);
        try
        {
            if (!_isClosed)
            {
                await far.ConnectAsync(IPAddress.Loopback, Target);
                await Task.WhenAll(CopyAsync(near, far), CopyAsync(far, near));
            }
        }
        catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
        {
            // The other side is not there, or a side is gone.
        }

        End(near);
        End(far);
    }

    // The end of one direction is passed on as such: the other may have more to say.
    private async Task CopyAsync(Socket from, Socket to)
    {
        var buffer = new byte[64 * 1024];
        for (int read; (read = await from.ReceiveAsync(buffer)) > 0;)
        {
            if (_delay > 0)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(_delay), TimeProvider.System);
            }

            await _passing.Task;
            for (var rest = buffer.AsMemory(0, read); rest.Length > 0;)
            {
                rest = rest[await to.SendAsync(rest)..];
            }
        }

        to.Shutdown(SocketShutdown.Send);
    }

    private void End(Socket socket)
    {
        _sockets.TryRemove(socket, out _);
        socket.Dispose();
    }
}
