using System.Net.Sockets;

namespace Connectors.Sdk.Hosting;

/// <summary>
/// Has the kernel ask over a connection on which nothing moves whether its other side is there. What stands in between does not forget it, though a call takes
/// long (load balancers do after some minutes), and a machine that lost its power is noticed.
/// </summary>
internal static class KeepAlive
{
    // Asked for the first time after 30 s; given up after six questions without an answer, a minute later.
    private const int QuietSeconds = 30;
    private const int PauseSeconds = 10;
    private const int Questions = 6;

    /// <summary>The socket, with keepalive on. What a socket accepts while it listens inherits it.</summary>
    public static Socket On(Socket socket)
    {
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, QuietSeconds);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, PauseSeconds);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, Questions);
        return socket;
    }
}
