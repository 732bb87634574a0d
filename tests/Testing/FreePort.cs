using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Connectors.Testing;

/// <summary>Loopback ports that nothing listens on.</summary>
public static class FreePort
{
    // Below Linux's range for outgoing connections (32768 and up): while a killed server is away, none of its clients can be given its port as their own.
    private const int First = 15_000;
    private const int Beyond = 32_000;

    /// <summary>One free port. Another process may take it first, so whoever need not know it beforehand binds to port 0 instead.</summary>
    public static int Next()
    {
        while (true)
        {
            var port = RandomNumberGenerator.GetInt32(First, Beyond);
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port);
                listener.Start();
                return port;
            }
            catch (SocketException fault) when (fault.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                // Taken; try another.
            }
        }
    }
}
