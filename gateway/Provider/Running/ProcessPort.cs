using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Connectors.Provider.Running;

/// <summary>
/// A port for a process to listen on; no other process of ours is given it until it is disposed. One that is chosen here lies below those that the kernel gives
/// to outgoing connections, so that none takes it before the process does. A process that finds it taken by somebody else ends, and the next one gets another.
/// </summary>
internal sealed class ProcessPort : IDisposable
{
    private const int First = 10_000;
    private const int UsualBeyond = 32_768;

    private static readonly HashSet<int> Taken = [];
    private static readonly int Beyond = ReadBeyond();

    private ProcessPort(int number) => Number = number;

    public int Number { get; }

    public static ProcessPort Take()
    {
        while (true)
        {
            var number = RandomNumberGenerator.GetInt32(First, Beyond);
            lock (Taken)
            {
                if (!IsFree(number) || !Taken.Add(number))
                {
                    continue;
                }
            }

            return new ProcessPort(number);
        }
    }

    /// <summary>A port that the function names itself. Null if another process of ours has it.</summary>
    public static ProcessPort? TryTake(int number)
    {
        lock (Taken)
        {
            return Taken.Add(number) ? new ProcessPort(number) : null;
        }
    }

    /// <summary>For a port of the gateway's own: no process is ever given it, whether or not somebody listens there yet.</summary>
    public static void Withhold(int number)
    {
        lock (Taken)
        {
            Taken.Add(number);
        }
    }

    public void Dispose()
    {
        lock (Taken)
        {
            Taken.Remove(Number);
        }
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    // The first port of outgoing connections, unless the range leaves too little below it.
    private static int ReadBeyond()
    {
        const string Range = "/proc/sys/net/ipv4/ip_local_port_range";
        var first = File.Exists(Range) ? int.Parse(File.ReadAllText(Range).Split('\t')[0], CultureInfo.InvariantCulture) : UsualBeyond;
        return first >= First + 1000 ? Math.Min(first, 60_000) : UsualBeyond;
    }
}
