using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Connectors.Testing;

/// <summary>
/// Loopback ports for servers. Each is given out once, to one test process on the machine: processes take whole blocks of ports and keep them locked
/// while they live, so that a server that was stopped finds its port free when it starts again.
/// </summary>
public static class FreePort
{
    // Below Linux's range for outgoing connections (32768 and up), so that none of a killed server's clients can be given its port as their own; and below
    // those that a gateway gives to processes of its functions (10000 and up).
    private const int First = 2_000;
    private const int BlockSize = 40;
    private const int Blocks = 200;

    private static readonly Lock Gate = new();
    private static readonly List<FileStream> Locks = [];
    private static readonly string Directory = System.IO.Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), $"connectors-ports-{Environment.UserName}")).FullName;
    private static int _next;
    private static int _beyond;

    /// <summary>A port that nothing listens on.</summary>
    public static int Next()
    {
        lock (Gate)
        {
            while (true)
            {
                if (_next == _beyond)
                {
                    TakeBlock();
                }

                var port = _next++;
                if (IsFree(port))
                {
                    return port;
                }
            }
        }
    }

    private static void TakeBlock()
    {
        var start = RandomNumberGenerator.GetInt32(Blocks);
        for (var i = 0; i < Blocks; i++)
        {
            var block = (start + i) % Blocks;
            try
            {
                var file = Path.Combine(Directory, block.ToString(CultureInfo.InvariantCulture));
                Locks.Add(new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
                _next = First + (block * BlockSize);
                _beyond = _next + BlockSize;
                return;
            }
            catch (IOException)
            {
                // Another process has it; or we do.
            }
        }

        throw new InvalidOperationException($"Test processes hold all blocks of ports from {First} on.");
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return true;
        }
        catch (SocketException fault) when (fault.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            return false;
        }
    }
}
