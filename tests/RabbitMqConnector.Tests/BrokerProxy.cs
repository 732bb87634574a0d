using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Connectors.RabbitMq.Tests;

/// <summary>Stands between a connector and its broker, and keeps back what the broker says over the connections of one queue.</summary>
internal sealed class BrokerProxy : IAsyncDisposable
{
    // The client's name for a connection comes early, and has the queue's in it.
    private const int Introduction = 8 * 1024;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<Socket, bool> _sockets = new();
    private readonly int _broker;
    private readonly Task _accepting;
    private volatile Silence? _silence;
    private int _connections;

    /// <summary>Stands before the broker on this port.</summary>
    public BrokerProxy(int broker)
    {
        _broker = broker;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>Where the connector finds it.</summary>
    public string Url => $"amqp://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>How many connections there were.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>From now on the broker says nothing over the connections of a queue.</summary>
    public void Hush(string queue) => _silence = new Silence(queue, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));

    /// <summary>What was kept back comes, and what is said from now on.</summary>
    public void Pass()
    {
        var silence = _silence;
        _silence = null;
        silence?.Over.TrySetResult();
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        foreach (var (socket, _) in _sockets)
        {
            socket.Dispose();
        }

        Pass();
        await _accepting;
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
        Interlocked.Increment(ref _connections);
        var far = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        near.NoDelay = true;
        (_sockets[near], _sockets[far]) = (true, true);
        var said = "";
        try
        {
            await far.ConnectAsync(IPAddress.Loopback, _broker);
            await Task.WhenAny(CopyAsync(near, far, HearAsync), CopyAsync(far, near, ComeAsync));
        }
        catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
        {
            // The broker is away, or all is over.
        }

        near.Dispose();
        far.Dispose();

        Task HearAsync(ReadOnlyMemory<byte> bytes)
        {
            if (said.Length < Introduction)
            {
                Volatile.Write(ref said, said + Encoding.Latin1.GetString(bytes.Span));
            }

            return Task.CompletedTask;
        }

        Task ComeAsync(ReadOnlyMemory<byte> _) =>
            _silence is { } silence && Volatile.Read(ref said).Contains(silence.Queue, StringComparison.Ordinal) ? silence.Over.Task : Task.CompletedTask;
    }

    private static async Task CopyAsync(Socket from, Socket to, Func<ReadOnlyMemory<byte>, Task> before)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            for (int read; (read = await from.ReceiveAsync(buffer)) > 0;)
            {
                await before(buffer.AsMemory(0, read));
                for (var rest = buffer.AsMemory(0, read); rest.Length > 0;)
                {
                    rest = rest[await to.SendAsync(rest)..];
                }
            }
        }
        catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
        {
            // A side is gone.
        }
    }

    private sealed record Silence(string Queue, TaskCompletionSource Over);
}
