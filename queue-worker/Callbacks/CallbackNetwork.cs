using System.Net;
using System.Net.Sockets;

namespace Connectors.QueueWorker.Callbacks;

/// <summary>How names become addresses, and addresses connections: the system's way, unless a test puts in names that change or networks that are not there.</summary>
internal sealed record CallbackNetwork
{
    public Func<string, CancellationToken, Task<IPAddress[]>> LookUpAsync { get; init; } = Dns.GetHostAddressesAsync;

    public Func<IPAddress[], int, CancellationToken, Task<Stream>> DialAsync { get; init; } = DialSocketAsync;

    private static async Task<Stream> DialSocketAsync(IPAddress[] addresses, int port, CancellationToken ct)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, port, ct);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
