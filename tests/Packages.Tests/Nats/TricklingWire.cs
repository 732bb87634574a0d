using System.Net;
using System.Net.Sockets;

namespace Connectors.Packages.Tests.Nats;

/// <summary>Stands between client and server and hands on what the server sends in pieces of a few bytes.</summary>
internal sealed class TricklingWire : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly int _serverPort;
    private readonly int _pieces;
    private readonly Task _serving;

    public TricklingWire(int serverPort, int pieces)
    {
        _serverPort = serverPort;
        _pieces = pieces;
        _listener.Start();
        _serving = ServeAsync();
    }

    public string Url => $"nats://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _serving;
        _stop.Dispose();
    }

    private async Task ServeAsync()
    {
        try
        {
            using var client = await _listener.AcceptTcpClientAsync(_stop.Token);
            using var server = new TcpClient { NoDelay = true };
            await server.ConnectAsync(IPAddress.Loopback, _serverPort, _stop.Token);
            client.NoDelay = true;
            var up = client.GetStream().CopyToAsync(server.GetStream(), _stop.Token);
            await TrickleAsync(server.GetStream(), client.GetStream());
            await up;
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException or SocketException)
        {
            // The test is over.
        }
    }

    private async Task TrickleAsync(NetworkStream from, NetworkStream to)
    {
        var buffer = new byte[4096];
        while (await from.ReadAsync(buffer, _stop.Token) is > 0 and var read)
        {
            for (var at = 0; at < read; at += _pieces)
            {
                await to.WriteAsync(buffer.AsMemory(at, Math.Min(_pieces, read - at)), _stop.Token);
                await Task.Yield();
            }
        }
    }
}
